//! The macros of man(7).
//!
//! Invariant: an unknown macro is dropped, never shown as text.

use super::Page;
use super::escape::plain;
use crate::knowledge::extract::chunker::Chunker;
use crate::knowledge::extract::error::Outcome;

impl Page {
    pub(super) fn man_macro(&mut self, name: &str, arguments: &[String], out: &mut Chunker<'_>) -> Outcome {
        match name {
            "TH" => {
                let part =
                    |at: usize| arguments.get(at).map(|part| plain(part, &self.strings)).unwrap_or_default();
                let title = part(0);
                let lower = if title.chars().any(char::is_lowercase) { title } else { title.to_lowercase() };
                self.name = if part(1).is_empty() { lower } else { format!("{lower}({})", part(1)) };
                out.title(&self.name);
                Ok(())
            }
            "SH" => self.section(2, &self.joined(arguments, " "), out),
            "SS" => self.section(3, &self.joined(arguments, " "), out),
            "PP" | "P" | "LP" | "HP" | "sp" | "RS" | "RE" | "PD" if !self.verbatim => out.end_paragraph(),
            "sp" => out.verbatim("", self.number),
            "TP" | "TQ" => {
                self.tag = true;
                out.end_paragraph()
            }
            "IP" => self.item(arguments, out),
            "nf" | "EX" | "Vb" => {
                self.verbatim = true;
                out.end_paragraph()
            }
            "fi" | "EE" | "Ve" => {
                self.verbatim = false;
                out.end_paragraph()
            }
            "B" | "I" | "SM" | "SB" | "R" if !arguments.is_empty() => self.put_joined(arguments, " ", out),
            "BR" | "RB" | "BI" | "IB" | "IR" | "RI" => self.put_joined(arguments, "", out),
            "OP" => self.put(&format!("[{}]", self.joined(arguments, " ")), out),
            "SY" => {
                out.end_paragraph()?;
                self.put_joined(arguments, " ", out)
            }
            "UR" | "MT" => self.put_joined(arguments, " ", out),
            "UE" | "ME" if !arguments.is_empty() => self.put_joined(arguments, "", out),
            "MR" => {
                let part = |at: usize| arguments.get(at).map(String::as_str).unwrap_or_default();
                self.put(&format!("{}({}){}", part(0), part(1), part(2)), out)
            }
            "br" if self.verbatim => Ok(()),
            _ => Ok(()),
        }
    }

    fn item(&mut self, arguments: &[String], out: &mut Chunker<'_>) -> Outcome {
        out.end_paragraph()?;
        let tag = arguments.first().map(|tag| plain(tag, &self.strings)).unwrap_or_default();
        if tag.trim().is_empty() || self.verbatim {
            return Ok(());
        }
        self.tag = true;
        self.put(&tag, out)
    }

    fn joined(&self, arguments: &[String], between: &str) -> String {
        plain(&arguments.join(between), &self.strings)
    }

    fn put_joined(&mut self, arguments: &[String], between: &str, out: &mut Chunker<'_>) -> Outcome {
        let text = self.joined(arguments, between);
        self.put(&text, out)
    }
}
