//! Asks for a passphrase at the terminal, without showing it.

use std::fs::File;
use std::io::{Read, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

const LONGEST: usize = 1024;
const INTERRUPT: u8 = 3;
const END: u8 = 4;

/// Gives the terminal back as it was, whatever happens.
struct Quiet<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Quiet<'a> {
    fn begin(terminal: &'a File) -> rustix::io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut quiet = before.clone();
        // Byte by byte and without signals: a Ctrl-C must not leave a terminal that shows nothing.
        quiet.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        tcsetattr(terminal, OptionalActions::Flush, &quiet)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}

/// Shows the prompt on the controlling terminal and reads a line from there, whatever standard input is.
///
/// # Errors
/// In words: there is no terminal, or nothing was typed.
pub(super) fn ask(prompt: &str) -> Result<String, String> {
    let none = |error: &dyn std::fmt::Display| {
        format!("it is a passphrase, and there is no terminal to ask at ({error})")
    };
    let mut terminal =
        File::options().read(true).write(true).open("/dev/tty").map_err(|error| none(&error))?;
    let typed = {
        let quiet = Quiet::begin(&terminal).map_err(|error| none(&error))?;
        let _ = write!(&*quiet.terminal, "{prompt}");
        read_line(&mut &*quiet.terminal)
    };
    let _ = writeln!(terminal);
    typed
}

/// Reads up to the end of a line, with backspace and Ctrl-U.
fn read_line(input: &mut impl Read) -> Result<String, String> {
    let mut typed: Vec<u8> = Vec::new();
    let mut byte = [0];
    loop {
        match input.read(&mut byte) {
            Ok(1) => {}
            Ok(_) => return Err("the terminal went away".to_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(format!("the terminal cannot be read: {error}")),
        }
        match byte {
            [b'\r' | b'\n'] => break,
            [INTERRUPT | END] => return Err("nothing was typed".to_owned()),
            [0x15] => typed.clear(),
            [0x7f | 0x08] => {
                // A character may have several bytes.
                while typed.pop().is_some_and(|last| last & 0xc0 == 0x80) {}
            }
            [other] if typed.len() < LONGEST => typed.push(other),
            _ => {}
        }
    }
    match String::from_utf8(typed) {
        Ok(text) if !text.is_empty() => Ok(text),
        Ok(_) => Err("nothing was typed".to_owned()),
        Err(_) => Err("what was typed is no UTF-8".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_edited_like_any_other() {
        let read = |bytes: &[u8]| read_line(&mut &bytes[..]);
        assert_eq!(read(b"hello\nmore").unwrap(), "hello");
        assert_eq!(read("grü\u{7f}ün\n".as_bytes()).unwrap(), "grün");
        assert_eq!(read(b"wrong\x15right\r").unwrap(), "right");
        for nothing in [&b"\n"[..], b"abc\x03", b"abc", b""] {
            assert!(read(nothing).is_err());
        }
    }
}
