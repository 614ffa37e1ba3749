//! The marks on the screen, in Unicode or in ASCII, chosen by the locale and the terminal.

use crate::tui::Options;

/// One set of marks; every mark is one cell wide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Glyphs {
    pub(crate) rule: &'static str,
    pub(crate) bar_full: &'static str,
    pub(crate) bar_empty: &'static str,
    pub(crate) ellipsis: &'static str,
    pub(crate) dot: &'static str,
    pub(crate) prompt: &'static str,
    pub(crate) sep: &'static str,
    pub(crate) crumb: &'static str,
    pub(crate) mark: &'static str,
    pub(crate) down: &'static str,
    pub(crate) warn: &'static str,
    pub(crate) head: &'static str,
    /// Heights of a sparkline, lowest first.
    pub(crate) spark: [&'static str; 8],
    /// How much there is, least first: cells of heat maps, and bands.
    pub(crate) shade: [&'static str; 4],
}

pub(crate) const UNICODE: Glyphs = Glyphs {
    rule: "─",
    bar_full: "━",
    bar_empty: "╌",
    ellipsis: "…",
    dot: "●",
    prompt: "›",
    sep: "·",
    crumb: "›",
    mark: "•",
    down: "↓",
    warn: "▲",
    head: "│",
    spark: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    shade: ["░", "▒", "▓", "█"],
};

pub(crate) const ASCII: Glyphs = Glyphs {
    rule: "-",
    bar_full: "=",
    bar_empty: ".",
    ellipsis: "~",
    dot: "*",
    prompt: ">",
    sep: "-",
    crumb: ">",
    mark: "+",
    down: "v",
    warn: "!",
    head: "|",
    spark: ["_", "_", ".", ".", "-", "-", "=", "#"],
    shade: [".", ":", "+", "#"],
};

/// ASCII where asked for, or where neither the locale nor the terminal knows UTF-8.
pub(crate) fn choose(options: &Options, env: &dyn Fn(&str) -> Option<String>) -> Glyphs {
    let set = |name: &str| env(name).filter(|v| !v.is_empty());
    let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")).unwrap_or_default();
    let locale = locale.to_ascii_lowercase();
    let utf8 = locale.contains("utf-8") || locale.contains("utf8");
    let term = set("TERM").unwrap_or_default();
    let poor = term == "linux" || term.starts_with("vt") || term == "dumb" || term == "ansi";
    if options.ascii.unwrap_or(!utf8 || poor) { ASCII } else { UNICODE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_decides_unless_told() {
        let auto = Options::default();
        let env = |lang: &'static str, term: &'static str| {
            move |name: &str| match name {
                "LANG" => Some(lang.to_owned()),
                "TERM" => Some(term.to_owned()),
                _ => None,
            }
        };
        assert_eq!(choose(&auto, &env("en_US.UTF-8", "xterm-256color")), UNICODE);
        assert_eq!(choose(&auto, &env("C", "xterm")), ASCII);
        assert_eq!(choose(&auto, &env("en_US.UTF-8", "linux")), ASCII);
        let told = Options { ascii: Some(false), ..Options::default() };
        assert_eq!(choose(&told, &env("C", "vt100")), UNICODE);
    }

    #[test]
    fn every_mark_is_one_cell() {
        for g in [UNICODE, ASCII] {
            let all = [g.rule, g.bar_full, g.bar_empty, g.ellipsis, g.dot, g.prompt, g.sep, g.crumb, g.mark];
            for mark in all.iter().chain(&g.spark).chain(&g.shade).chain(&[g.down, g.warn, g.head]) {
                assert_eq!(unicode_width::UnicodeWidthStr::width(*mark), 1, "{mark}");
            }
        }
    }
}
