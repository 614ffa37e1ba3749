//! What is found and what is not: numbers and forms that others published as examples, and texts as people write them.

use proptest::prelude::*;

use super::network::is_private;
use super::*;

fn kinds(text: &str) -> Vec<&'static str> {
    find(text.as_bytes()).into_iter().map(|one| one.kind).collect()
}

/// As random as a token, and the same every time.
fn body(letters: &str, count: usize) -> String {
    let letters: Vec<char> = letters.chars().collect();
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        letters[usize::try_from(state % letters.len() as u64).unwrap()]
    };
    (0..count).map(next).collect()
}

const ALNUM: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const HEX: &str = "0123456789abcdef";

/// Published numbers of kinds with a check, and how often they are found: test cards of the issuers' sandboxes, the
/// examples of the registry of IBANs, of the authorities that give out numbers of persons, and of documentation of
/// networks. Presidio's tests use the same facts.
const PUBLISHED: &[(&str, &str, usize)] = &[
    ("card", "4012888888881881 4012-8888-8888-1881 4012 8888 8888 1881", 3),
    ("card", "122000000000003", 1),
    ("card", "my credit card: 122000000000003", 1),
    ("card", "371449635398431", 1),
    ("card", "5555555555554444", 1),
    ("card", "5019717010103742", 1),
    ("card", "30569309025904", 1),
    ("card", "6011000400000000", 1),
    ("card", "3528000700000000", 1),
    ("card", "6759649826438453", 1),
    ("card", "4111111111111111", 1),
    ("card", "4917300800000000", 1),
    ("card", "4484070000000000", 1),
    ("card", "4012-8888-8888-1882", 0),
    ("card", "my credit card number is 4012-8888-8888-1882", 0),
    ("card", "36168002586008", 0),
    ("card", "my credit card number is 36168002586008", 0),
    ("us-ssn", "078051121", 1),
    ("us-ssn", "078-05-1123", 1),
    ("us-ssn", "078.05.1123", 1),
    ("us-ssn", "078 05 1123", 1),
    ("us-ssn", "0780511201", 0),
    ("us-ssn", "078051120", 0),
    ("us-ssn", "000000000", 0),
    ("us-ssn", "666000000", 0),
    ("us-ssn", "078-05-0000", 0),
    ("us-ssn", "078 00 1123", 0),
    ("us-ssn", "693-09.4444", 0),
    ("uk-nhs", "401-023-2137", 1),
    ("uk-nhs", "221 395 1837", 1),
    ("uk-nhs", "NHS 0032698674", 1),
    ("uk-nhs", "0032698674", 1),
    ("uk-nhs", "401-023-2138", 0),
    ("uk-nino", "AA 12 34 56 B", 1),
    ("uk-nino", "hh 01 02 03 d", 1),
    ("uk-nino", "tw987654a", 1),
    ("uk-nino", "nino: PR 123612C", 1),
    ("uk-nino", "Here is my National Insurance Number YZ 61 48 68 B", 1),
    ("uk-nino", "AA 12 34 56 H", 0),
    ("uk-nino", "FQ 00 00 00 C", 0),
    ("uk-nino", "BG123612A", 0),
    ("uk-nino", "nino: nt 99 88 77 a", 0),
    ("uk-nino", "This isn't a valid national insurance number UV 98 76 54 B", 0),
    ("es-nif", "55555555K", 1),
    ("es-nif", "55555555-K", 1),
    ("es-nif", "1111111-G", 1),
    ("es-nif", "1111111G", 1),
    ("es-nif", "01111111G", 1),
    ("es-nif", "401-023-2138", 0),
    ("es-nif", "Z8078221M", 1),
    ("es-nif", "X9613851N", 1),
    ("es-nif", "Y8063915Z", 1),
    ("es-nif", "Mi número es Y8063915-Z", 1),
    ("es-nif", "Y8063915Q", 0),
    ("es-nif", "Y806391Q", 0),
    ("es-nif", "W8063915Q", 0),
    ("fi-hetu", "131052-308T", 1),
    ("fi-hetu", "010594Y9032", 1),
    ("fi-hetu", "My code is: 010594Y9032. Thank you.", 1),
    ("fi-hetu", "020594X903P", 1),
    ("fi-hetu", "030594W903B", 1),
    ("fi-hetu", "My finnish id code is030594W903B.", 1),
    ("fi-hetu", "040594V902Y", 1),
    ("fi-hetu", "050594U903M", 1),
    ("fi-hetu", "010516B903X", 1),
    ("fi-hetu", "020516C903K", 1),
    ("fi-hetu", "030516D9037", 1),
    ("fi-hetu", "010501E9032", 1),
    ("fi-hetu", "020503F9037", 1),
    ("fi-hetu", "020504A902E", 1),
    ("fi-hetu", "111111-111A", 0),
    ("fi-hetu", "311190-1111", 0),
    ("fi-hetu", "012245A110G", 0),
    ("in-aadhaar", "123456789012", 0),
    ("in-aadhaar", "1234 5678 9012", 0),
    ("in-aadhaar", "312345678909", 1),
    ("in-aadhaar", "3123 4567 8909", 1),
    ("in-aadhaar", "3998 7654 3211", 1),
    ("in-aadhaar", "3123-4567-8909", 1),
    ("in-aadhaar", "3998:7654:3211", 1),
    ("in-aadhaar", "My Aadhaar number is 400123456787 with a lot of text beyond it", 1),
    ("pl-pesel", "11111111114", 0), // its check digit is 6
    ("pl-pesel", "11111111116", 1),
    ("pl-pesel", "My pesel is 44051401359.", 1),
    ("pl-pesel", "11110021111", 0),
    ("pl-pesel", "11-11-11-11114", 0),
    ("sg-nric", "S2740116C", 1),
    ("sg-nric", "T1234567Z", 1),
    ("sg-nric", "F2346401L", 1),
    ("sg-nric", "G1122144L", 1),
    ("sg-nric", "M4332674T", 1),
    ("sg-nric", "S9108268C T7572225C", 2),
    ("sg-nric", "PA12348L", 0),
    ("it-codice-fiscale", "RSSMRA80A01H501U", 1),
    ("it-codice-fiscale", "AAAAAA00B11C333Y", 1),
    ("it-codice-fiscale", "AAAAAA00B11C333N", 0),
    ("it-codice-fiscale", "A55AAA00B11C333N", 0),
    ("br-cpf", "529.982.247-25", 1),
    ("br-cpf", "529.982.247-24", 0),
    ("email", "info@presidio.site", 1),
    ("email", "my email is info@presidio.site", 1),
    ("email", "try one of this emails: info@presidio.site or anotherinfo@presidio.site.", 2),
    ("email", "the email is info@presidio.", 0),
    ("email", "<o'hara+pumps@mail.example.co.uk>", 1),
    ("email", "user@host, a@b, @example.org, x@.org", 0),
    ("phone", "My US number is (415) 555-0132, and my international one is +1 415 555 0132", 2),
    ("phone", "My Israeli number is 09-7625400", 1),
    ("phone", "Call +49 (30) 901820 or 030/901820, or 0171-2345678.", 3),
    ("phone", "020 7946 0958, (020) 7946 0958, 01 42 34 56 78", 3),
    ("phone", "1-800-555-0199 415.555.0132", 2),
    ("phone", "mobile 4155550132", 1),
    ("phone", "4155550132 2026-11-22 02:13:17 01-02-2026 v10.20.30 555-0132", 0),
    ("ip", "microsoft.com 192.168.0.1", 1),
    ("ip", "my ip: 192.168.0", 0),
    ("ip", "microsoft.com 684D:1111:222:3333:4444:5555:6:77", 1),
    ("ip", "684D:1111:222:3333:4444:5555:77", 0),
    ("ip", "2345:0425:2CA1::0567:5673:23b5", 1),
    ("ip", "Use local ipv6 ::", 1),
    ("ip", "connecting from ::1", 1),
    ("ip", "src=:: dst=::1", 2),
    ("ip", "fe80::1%eth0", 1),
    ("ip", "Connect to [2001:db8::1]:8080", 1),
    ("ip", "SSH to user@2001:db8::1", 1),
    ("ip", "::ffff:192.0.2.1", 1),
    ("ip", "::ffff:0:192.168.1.1", 1),
    ("ip", "[::ffff:192.168.1.1]:80", 1),
    ("ip", "::10.0.0.1", 1),
    ("ip", "::ffff:256.0.0.1", 0),
    ("ip", "::ffff:192.168.1", 0),
    ("ip", "64:ff9b::192.0.2.1", 1),
    ("ip", "0:0:0:0:0:FFFF:129.144.52.38", 1),
    ("ip", "2001:db8::256.1.1.1", 0),
    ("ip", "IPs: 192.168.1.1, 10.0.0.1, 2001:db8::1", 3),
    ("ip", "MAC aa:bb:cc:dd:ee:ff, Time 12:34:56, Ratio 1:2:3:4, Version 1.2.3, Port 80:443", 0),
    ("ip", "abc:def:ghi 123:abc file:///path std::cout MyClass::toString :::", 0),
    ("ip", "IP192.168.1.1text text192.168.1.1", 0),
    ("ip", "(192.168.1.1) '2001:db8::1' 192.168.1.1. [2001:db8::1]", 4),
    ("ip", "fe80::1text text2001:db8::1", 0),
    ("ip", "192.168.1.1.1", 1),
    ("ip", "256.256.256.256 192.168.1.256 300.168.1.1 12345:db8::1 2001::db8::1 gggg:hhhh::1234", 0),
    ("ip", "192.168.2.1@eth0", 1),
    ("ip", "127.0.0.1 255.255.255.255 169.254.1.1 0.0.0.0 ff02::1", 5),
    ("ip", "192.168.1.0/24 2001:db8::/32 ::1/128 fe80::1%eth0/64 10.0.0.0/123", 5),
    ("ip", "10.0.0.7:8080", 1),
];

/// The examples of the registry of IBANs.
const IBANS: &str = "AL47212110090000000235698741 AD1200012030200359100100 AT611904300234573201 \
    AZ21NABZ00000000137010001944 BH67BMAG00001299123456 BE68539007547034 BA391290079401028494 \
    BR9700360305000010009795493P1 BG80BNBG96611020345678 HR1210010051863000160 CY17002001280000001200527600 \
    CZ6508000000192000145399 DK5000400440116243 EE382200221020145685 FI2112345600000785 FR1420041010050500013M02606 \
    DE89370400440532013000 GI75NWBK000000007099453 GR1601101250000000012300695 GB29NWBK60161331926819 \
    HU42117730161111101800000000 IS140159260076545510730339 IE29AIBK93115212345678 IL620108000000099999999 \
    IT60X0542811101000000123456 KZ86125KZT5004100100 LV80BANK0000435195001 LI21088100002324013AA LT121000011101001000 \
    LU280019400644750000 MT84MALT011000012345MTLCAST001S NL91ABNA0417164300 NO9386011117947 PL61109010140000071219812874 \
    PT50000201231234567890154 RO49AAAA1B31007593840000 SA0380000000608010167519 SK3112000000198742637541 \
    SI56263300012039086 ES9121000418450200051332 SE4550000000058398257466 CH9300762011623852957 \
    TN5910006035183598478831 TR330006100519786457841326 AE070331234567890123456";

/// Tokens in the forms that their makers document, as gitleaks' rules have them.
fn tokens() -> Vec<(&'static str, String)> {
    let alnum = |count| body(ALNUM, count);
    let hex = |count| body(HEX, count);
    let upper = |count| body("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", count);
    let digits = |count| body("123456789", count);
    let words = |count: usize| body(&format!("{ALNUM}_-"), count - 1) + "x";
    let letters = |count| body(&ALNUM[10..], count);
    let mut all = Vec::new();
    for begin in ["AKIA", "ASIA", "ABIA", "ACCA"] {
        all.push(("aws-key", format!("{begin}{}", upper(16))));
    }
    for begin in ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"] {
        all.push(("github-token", format!("{begin}{}", alnum(36))));
    }
    all.push(("github-token", format!("github_pat_{}_{}", alnum(22), alnum(59))));
    for begin in ["glpat-", "gldt-", "glft-", "glrt-", "glsoat-", "glffct-", "GR1348941"] {
        all.push(("gitlab-token", format!("{begin}{}", words(20))));
    }
    all.push(("gitlab-token", format!("glcbt-{}_{}", alnum(5), alnum(20))));
    all.push(("gitlab-token", format!("glimt-{}", words(25))));
    all.push(("gitlab-token", format!("glagent-{}", words(50))));
    all.push(("gitlab-token", format!("gloas-{}", words(64))));
    all.push(("gitlab-token", format!("glptt-{}", hex(40))));
    all.push(("gitlab-token", format!("glpat-{}.{}", words(27), body("0123456789abcdefghij", 9))));
    all.push(("slack-token", format!("xoxb-{}-{}-{}", digits(12), digits(13), alnum(24))));
    all.push(("slack-token", format!("xoxb-{}-{}", digits(12), alnum(23))));
    all.push(("slack-token", format!("xoxp-{}-{}-{}-{}", digits(12), digits(13), digits(13), hex(32))));
    all.push(("slack-token", format!("xoxe-{}-{}-{}-{}", digits(13), digits(13), digits(13), hex(32))));
    all.push(("slack-token", format!("xapp-1-A{}-{}-{}", upper(10), digits(13), hex(64))));
    all.push(("slack-token", format!("xoxe.xoxp-1-{}", alnum(163))));
    all.push(("slack-token", format!("xoxe-1-{}", alnum(146))));
    all.push(("slack-token", format!("xoxa-2-{}", alnum(12))));
    all.push(("slack-token", format!("xoxs-{}-{}-{}-{}", digits(10), digits(10), digits(10), hex(10))));
    for begin in ["sk_test_", "sk_live_", "rk_live_", "rk_prod_"] {
        all.push(("stripe-key", format!("{begin}{}", alnum(30))));
    }
    all.push(("google-key", format!("AIza{}", words(35))));
    all.push(("npm-token", format!("npm_{}", alnum(36))));
    all.push(("pypi-token", format!("pypi-AgEIcHlwaS5vcmc{}", words(60))));
    all.push(("sendgrid-key", format!("SG.{}.{}", words(22), words(43))));
    all.push(("twilio-key", format!("SK{}", hex(32))));
    all.push(("huggingface-token", format!("hf_{}", letters(34))));
    all.push(("digitalocean-token", format!("dop_v1_{}", hex(64))));
    all.push(("vault-token", format!("hvs.{}", words(95))));
    all.push(("telegram-token", format!("{}:A{}", digits(9), alnum(34))));
    all.push(("shopify-token", format!("shpat_{}", hex(32))));
    all.push(("databricks-token", format!("dapi{}", hex(32))));
    all.push(("doppler-token", format!("dp.pt.{}", alnum(43))));
    all.push(("grafana-token", format!("glsa_{}_{}", alnum(32), hex(8))));
    all.push(("linear-key", format!("lin_api_{}", alnum(40))));
    all.push(("postman-key", format!("PMAK-{}-{}", hex(24), hex(34))));
    all.push(("openai-key", format!("sk-proj-{}", alnum(48))));
    all.push(("age-key", format!("AGE-SECRET-KEY-1{}", body("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58))));
    all.push(("mailgun-key", format!("key-{}", hex(32))));
    all.push(("jwt", format!("eyJhbGciOiJIUzI1NiJ9.eyJ{}.{}", alnum(40), words(43))));
    all.push(("authorization", format!("Authorization: Bearer {}", words(40))));
    all
}

/// What stands in manuals and is no secret.
const PLACEHOLDERS: [&str; 16] = [
    "AKIAXXXXXXXXXXXXXXXX",
    "TODAYINASIAASACKOFRICEFELLOVER",
    "glpat-XXXXXXXXXXX-XXXXXXXX",
    "glptt-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "GR134894112312312312312312312",
    "GR1348941XXXXXXXXXXXXXXXXXXXX",
    "xoxb-xxxxxxxxx-xxxxxxxxxx-xxxxxxxxxxxx",
    "xoxb-12345-abcd234",
    "xoxb-xoxb-my-bot-token",
    "xoxp-1234567890",
    "xoxp-1234-1234-1234-4ddbc191d40ee098cbaae6f3523ada2d",
    "https://indieweb.org/images/3/35/2018-250-xoxo-indieweb-1.jpg",
    "sk-learn-is-a-package-with-a-very-long-name-indeed-it-is",
    "Basic authentication is wanted; Bearer internationalization",
    "-----BEGIN PUBLIC KEY-----",
    "token: expired, secret = ${SECRET}, password: <none>, api_key=%KEY%",
];

#[test]
fn published_cases_are_found_as_published() {
    let (mut right, mut all, mut wrong) = (0, 0, Vec::new());
    let mut count = |is_right: bool, text: &str| {
        (right, all) = (right + usize::from(is_right), all + 1);
        if !is_right {
            wrong.push(text.to_owned());
        }
    };
    for (kind, text, times) in PUBLISHED {
        count(kinds(text).iter().filter(|found| *found == kind).count() == *times, text);
    }
    for iban in IBANS.split_whitespace() {
        let spaced: Vec<String> =
            iban.as_bytes().chunks(4).map(|four| String::from_utf8_lossy(four).into_owned()).collect();
        let last = iban.as_bytes().last().unwrap();
        let other = if *last == b'1' { '2' } else { '1' };
        let broken = format!("{}{other}", &iban[..iban.len() - 1]);
        count(kinds(&format!("to {iban}.")) == ["iban"], iban);
        count(kinds(&spaced.join(" ")) == ["iban"], &spaced.join(" "));
        count(!kinds(&broken).contains(&"iban"), &broken);
        count(!kinds(&iban[..iban.len() - 1]).contains(&"iban"), &iban[..iban.len() - 1]);
    }
    for (kind, token) in tokens() {
        for text in [
            token.clone(),
            format!("config.key = \"{token}\""),
            format!("see {token}."),
            format!("x={token}\n"),
        ] {
            count(kinds(&text) == [kind], &text);
        }
    }
    for text in PLACEHOLDERS {
        count(kinds(text).is_empty(), text);
    }
    println!("{right} of {all}; not: {wrong:#?}");
    // Of the others it is known: bare numbers that could be anything, a code within a word, letters that fail the check
    // of Singapore, an address that is nobody's, and a number of an object that looks like an address.
    const KNOWN: [&str; 9] = [
        "078051121",
        "0032698674",
        "My finnish id code is030594W903B.",
        "312345678909",
        "T1234567Z",
        "G1122144L",
        "Use local ipv6 ::",
        "src=:: dst=::1",
        "192.168.1.1.1",
    ];
    assert_eq!(wrong, KNOWN, "{right} of {all}");
    assert!(right * 100 >= all * 95, "{right} of {all}");
}

#[test]
fn texts_lose_what_is_found_and_nothing_else() {
    let said = |text: &str| redact(text, Scope::Kept).text.into_owned();
    assert_eq!(
        said("Anna (anna@example.org) paid with 4111 1111 1111 1111."),
        "Anna ([redacted: email]) paid with [redacted: card]."
    );
    assert_eq!(
        said("curl https://anna:hunter2@10.0.0.7/x"),
        "curl https://anna:[redacted: url-password]@10.0.0.7/x"
    );
    assert_eq!(
        said("password=hunter2; DB_PASSWORD: 'a bc'"),
        "password=[redacted: password]; DB_PASSWORD: '[redacted: password]'"
    );
    assert_eq!(said("api_key = 8f3a9b2c7d1e"), "api_key = [redacted: secret]");
    assert_eq!(
        said("from 192.168.0.7 and 127.0.0.1 to 8.8.8.8"),
        "from 192.168.0.7 and 127.0.0.1 to [redacted: ip]"
    );
    assert!(is_private("fd00::1") && is_private("::ffff:10.0.0.1") && !is_private("2606:4700::1111"));
    let key = format!("-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----", body(ALNUM, 300));
    assert_eq!(said(&format!("so {key} é")), "so [redacted: private-key] é");
    let found = redact("4111111111111111, 4111111111111111, x@example.org", Scope::All);
    assert_eq!(found.words().unwrap(), "redacted: 2 card, 1 email");
    assert_eq!(redact("The pump primes itself.", Scope::All).words(), None);
    for fine in [
        "Because of the flood, since 2026-11-22T02:13:17Z; 1763769600000 ms; 15.27 MB; entry 42 of 128",
        "collection manuals: 0f3a2b9c8d7e6f5a4b3c2d1e0f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a",
        "uid:1000 may not approve on Approval::\"1\"; error at src/engine/run.rs:120:7",
        "the token expired; the password is wrong; spud principal token",
        "f33502b51c40 18a1e3a1ad93 550e8400-e29b-41d4-a716-446655440000",
    ] {
        assert_eq!(kinds(fine), [""; 0], "{fine}");
    }
}

#[test]
fn streams_say_where_and_find_the_same_as_a_whole() {
    let noise = "The pump primes itself, and the valve stays shut.\n".repeat(40);
    let key = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", body(ALNUM, 1600));
    let mut text = String::new();
    for n in 0..200 {
        text.push_str(&noise[..(n * 37) % noise.len()]);
        text.push_str(match n % 4 {
            0 => "call anna@example.org\n",
            1 => "card 4111 1111 1111 1111\n",
            2 => &key,
            _ => "password=hunter2 \n",
        });
    }
    let mut out = Vec::new();
    let report = stream(text.as_bytes(), &mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), redact(&text, Scope::All).text);
    assert_eq!((report.bytes, report.places.len()), (text.len() as u64, 200));
    assert_eq!(report.counts, redact(&text, Scope::All).counts);
    for place in report.places {
        let at = usize::try_from(place.offset).unwrap();
        let line = text[..at].matches('\n').count() as u64 + 1;
        assert_eq!(line, place.line);
        let found = find(text.as_bytes()).into_iter().find(|one| one.from == at).unwrap();
        assert_eq!((found.kind, (found.to - found.from) as u64), (place.kind, place.bytes));
    }
}

proptest! {
    #[test]
    fn what_was_redacted_stays_as_it_is(parts in prop::collection::vec(0usize..12, 0..12), noise in ".{0,20}") {
        let all = [
            "4111111111111111", " a@example.org", "password=", "\"x y\"", "+1 415 555 0132", "://u:p@h/", "-----BEGIN PRIVATE KEY-----",
            "token: ", "é", "DE89370400440532013000", " 8.8.8.8 ", noise.as_str(),
        ];
        let text: String = parts.iter().map(|at| all[*at]).collect();
        let once = redact(&text, Scope::All).text.into_owned();
        prop_assert_eq!(redact(&once, Scope::All).text, once.as_str());
    }

    #[test]
    fn finds_are_in_order_and_within(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut end = 0;
        for one in find(&bytes) {
            prop_assert!(one.from >= end && one.to > one.from && one.to <= bytes.len());
            end = one.to;
        }
        let mut out = Vec::new();
        prop_assert_eq!(stream(bytes.as_slice(), &mut out).unwrap().bytes, bytes.len() as u64);
    }
}
