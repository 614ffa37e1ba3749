//! What is on screen, or the lines of a log that were found, as a file: for a ticket, or for those who cannot copy
//! through their terminal.
//!
//! Invariant: writes only what it is given, and never over a file that is there.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ratatui::buffer::Buffer;

/// Names that are tried for one second.
const NAMES: usize = 100;

/// The rows of a screen without the blanks at their ends.
pub(crate) fn text_of(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width).max(1);
    let mut text = String::new();
    for row in buffer.content.chunks(width) {
        let start = text.len();
        let mut covered = 0;
        for cell in row {
            // A wide character covers the cells after it.
            if covered == 0 {
                text.push_str(cell.symbol());
                covered = unicode_width::UnicodeWidthStr::width(cell.symbol());
            }
            covered = covered.saturating_sub(1);
        }
        text.truncate(start + text[start..].trim_end().len());
        text.push('\n');
    }
    text
}

/// Writes `text` into a new file of `folder` whose name tells the view, the time and the kind; returns its path.
///
/// # Errors
/// What the file system says.
pub(crate) fn save(
    text: &str,
    folder: &Path,
    (view, kind): (&str, &str),
    second: &str,
) -> io::Result<PathBuf> {
    let stamp: String = second.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    for number in 0..NAMES {
        let again = if number == 0 { String::new() } else { format!("-{number}") };
        let path = folder.join(format!("spud-{}-{stamp}{again}.{kind}", view.to_lowercase()));
        match File::create_new(&path) {
            Ok(mut file) => return file.write_all(text.as_bytes()).map(|()| path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    #[test]
    fn a_screen_becomes_its_rows() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 3));
        buffer.set_string(0, 0, "水 pump", Style::default());
        buffer.set_string(2, 2, "x", Style::default());
        assert_eq!(text_of(&buffer), "水 pump\n\n  x\n");
    }

    #[test]
    fn no_file_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let save = |text: &str| save(text, folder.path(), ("Ask", "txt"), "2026-11-21T19:20:00Z").unwrap();
        let (first, second) = (save("one\n"), save("two\n"));
        assert_eq!(first.file_name().unwrap(), "spud-ask-20261121T192000Z.txt");
        assert_eq!(std::fs::read_to_string(first).unwrap(), "one\n");
        assert_eq!(std::fs::read_to_string(second).unwrap(), "two\n");
    }
}
