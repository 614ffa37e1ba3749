//! Text of bytes, or where they are none.

/// # Errors
/// Which byte is no UTF-8, and in which line.
pub fn utf8(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..at).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        format!("byte {} (in line {line}) is no UTF-8 text", at + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::utf8;

    #[test]
    fn the_byte_that_is_no_text_is_told() {
        assert_eq!(utf8(b"a\xc3\xa4".to_vec()).as_deref(), Ok("a\u{e4}"));
        assert_eq!(utf8(b"a\nb\xff".to_vec()), Err("byte 4 (in line 2) is no UTF-8 text".to_owned()));
    }
}
