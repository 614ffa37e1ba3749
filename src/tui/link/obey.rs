//! What people ordered is done: files that go with it are read, those that come of it are written.

use serde_json::Value;

use super::{called, json};
use crate::api::host;
use crate::api::types::Problem;
use crate::tui::effect::{BYTES, Order, WHOLE, escape, listed, new_file, put_line};
use crate::tui::msg::Ordered;
use crate::tui::{Link, LinkError};

/// Does one after the other; a refusal says how many were done.
pub(super) fn all(link: &mut dyn Link, orders: &[Order]) -> Result<Ordered, LinkError> {
    let mut done = Ordered::default();
    for (at, order) in orders.iter().enumerate() {
        done = obeyed(link, order.clone()).map_err(|mut error| {
            if at > 0 {
                let problem = &mut error.problem;
                problem.detail = format!("{at} of {} were done, then: {}", orders.len(), problem.detail);
            }
            error
        })?;
    }
    if orders.len() > 1 {
        done.told = format!("All {} are done. {}", orders.len(), done.told);
    }
    Ok(done)
}

fn obeyed(link: &mut dyn Link, mut order: Order) -> Result<Ordered, LinkError> {
    order.with_file().map_err(|detail| unwritten("The file cannot be read", detail))?;
    if let Some((path, part)) = &order.save {
        if *part == WHOLE {
            return whole(link, &order, path);
        }
        match *part {
            BYTES => carried(link, &order, path)?,
            part => write_out(link, &order, path, part)?,
        }
        return Ok(Ordered { told: order.done.to_owned(), shown: None });
    }
    let body = called(link, order.call())?;
    let answer: Value = if body.is_empty() { Value::Null } else { json(&body)? };
    let kept = host::redaction_of(&order.texts()).map_or_else(String::new, |words| format!(" ({words})"));
    let shown = (!order.show.is_empty()).then(|| (order.show, listed(&answer)));
    Ok(Ordered { told: format!("{}{kept}", order.told(&answer)), shown })
}

/// An answer that is read as it is: in a new file, or on the screen, line by line.
fn whole(link: &mut dyn Link, order: &Order, path: &str) -> Result<Ordered, LinkError> {
    let body = called(link, order.call())?;
    let text = String::from_utf8_lossy(&body);
    if path.is_empty() {
        let line = |line: &str| (String::new(), line.to_owned());
        return Ok(Ordered {
            told: String::new(),
            shown: Some((order.show, text.lines().map(line).collect())),
        });
    }
    let fail = |detail| unwritten("The file cannot be written", detail);
    let mut file = new_file(path).map_err(fail)?;
    put_line(&mut file, text.trim_end(), path).map_err(fail)?;
    Ok(Ordered { told: order.done.to_owned(), shown: None })
}

/// An answer that may be larger than memory goes into a new file; one that breaks off leaves none.
fn carried(link: &mut dyn Link, order: &Order, path: &str) -> Result<(), LinkError> {
    let mut answer = link.fetch(&order.call().path)?;
    let mut file = new_file(path).map_err(|detail| unwritten("The file cannot be written", detail))?;
    let copied = std::io::copy(&mut answer, &mut file).and_then(|_| file.sync_all());
    copied.map_err(|error| {
        // It is told that there is none.
        let _ = std::fs::remove_file(path);
        unwritten("It broke off, and no file is left", format!("{path}: {error}"))
    })
}

fn unwritten(title: &str, detail: String) -> LinkError {
    let title = title.to_owned();
    LinkError { problem: Problem { title, detail, status: 400, ..Problem::default() } }
}

/// An answer goes into a new file: one part of it, or all items of all its pages, one a line.
fn write_out(link: &mut dyn Link, order: &Order, path: &str, part: &str) -> Result<(), LinkError> {
    let fail = |detail| unwritten("The file cannot be written", detail);
    let mut file = None;
    let mut cursor = String::new();
    loop {
        let mut call = order.call();
        if !cursor.is_empty() {
            call.path = format!("{}&cursor={}", call.path, escape(&cursor));
        }
        let answer: Value = json(&called(link, call)?)?;
        // A file is made once there is something for it.
        let file = match &mut file {
            Some(file) => file,
            None => file.insert(new_file(path).map_err(fail)?),
        };
        if !part.is_empty() {
            let text = answer.get(part).and_then(Value::as_str).map(|text| text.trim_end().to_owned());
            return put_line(file, &text.unwrap_or_else(|| answer.to_string()), path).map_err(fail);
        }
        for item in answer.get("items").and_then(Value::as_array).into_iter().flatten() {
            put_line(file, &item.to_string(), path).map_err(fail)?;
        }
        match answer.get("next").and_then(Value::as_str) {
            Some(next) if next != cursor => cursor = next.to_owned(),
            _ => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};
    use std::ops::ControlFlow;

    use super::*;
    use crate::api::types::Event;

    /// A box whose answer breaks off where it is to.
    struct Tar {
        breaks: bool,
    }

    struct Broken;

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::UnexpectedEof.into())
        }
    }

    impl Link for Tar {
        fn get(&mut self, _: &str) -> Result<Vec<u8>, LinkError> {
            Err(unwritten("held in memory", String::new()))
        }

        fn fetch(&mut self, path: &str) -> Result<Box<dyn Read>, LinkError> {
            assert_eq!(path, "/v1/evidence/bundle");
            let part = Cursor::new(vec![0, 255, 10]);
            Ok(if self.breaks { Box::new(part.chain(Broken)) } else { Box::new(part) })
        }

        fn send(&mut self, _: &str, _: &str, _: Option<Vec<u8>>) -> Result<Vec<u8>, LinkError> {
            Ok(Vec::new())
        }

        fn events(&mut self, _: u64, _: &mut dyn FnMut(Event) -> ControlFlow<()>) -> Result<(), LinkError> {
            Ok(())
        }

        fn bytes(&self) -> (u64, u64) {
            (0, 0)
        }

        fn fork(&self) -> Box<dyn Link> {
            Box::new(Self { breaks: self.breaks })
        }
    }

    #[test]
    fn bytes_are_written_as_they_come_and_what_breaks_off_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("evidence.tar");
        let save = Some((path.display().to_string(), BYTES));
        let (method, target) = ("GET", "/v1/evidence/bundle".to_owned());
        let orders = [Order { method, path: target, save, done: "Written.", ..Order::default() }];
        let broken = all(&mut Tar { breaks: true }, &orders).unwrap_err();
        assert!(broken.problem.title.contains("broke off") && !path.exists(), "{broken:?}");
        assert_eq!(all(&mut Tar { breaks: false }, &orders).unwrap().told, "Written.");
        assert_eq!(std::fs::read(&path).unwrap(), [0, 255, 10]);
        let there = all(&mut Tar { breaks: true }, &orders).unwrap_err();
        assert!(there.problem.detail.contains("exists"), "{there:?}");
        assert_eq!(std::fs::read(&path).unwrap(), [0, 255, 10], "nothing is written over or removed");
    }
}
