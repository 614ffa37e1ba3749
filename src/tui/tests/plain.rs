//! The line mode, against a box that is a table of replies.

use std::ops::ControlFlow;

use super::fixtures;
use crate::api::types::{Event, Page, Passage, Problem};
use crate::tui::{Link, LinkError, plain};

struct Table;

impl Link for Table {
    fn get(&mut self, path: &str) -> Result<Vec<u8>, LinkError> {
        let page = |items| serde_json::to_vec(&Page { items, next: None }).unwrap();
        Ok(match path {
            "/v1/status" => serde_json::to_vec(&fixtures::status()).unwrap(),
            "/v1/documents/d1/passages?around=c1&before=3&after=3" => page(vec![
                Passage {
                    chunk: "c0".into(),
                    text: "Close the valve.\u{1b}[2J".into(),
                    ..Passage::default()
                },
                Passage { chunk: "c1".into(), text: "Replace the seal.".into(), ..Passage::default() },
            ]),
            "/v1/collections" => {
                serde_json::to_vec(&Page { items: fixtures::collections(), next: None }).unwrap()
            }
            _ => {
                let problem = Problem { title: "Not found.".into(), status: 404, ..Problem::default() };
                return Err(LinkError { problem });
            }
        })
    }

    fn send(&mut self, _: &str, path: &str, body: Option<Vec<u8>>) -> Result<Vec<u8>, LinkError> {
        assert_eq!(path, "/v1/ask");
        let body = String::from_utf8(body.unwrap()).unwrap();
        let mut answer = fixtures::answer();
        if body.contains("nothing") {
            answer = Default::default();
            answer.search.did_you_mean = Some("something".into());
        }
        Ok(serde_json::to_vec(&answer).unwrap())
    }

    fn events(&mut self, _: u64, _: &mut dyn FnMut(Event) -> ControlFlow<()>) -> Result<(), LinkError> {
        Ok(())
    }

    fn bytes(&self) -> (u64, u64) {
        (0, 0)
    }

    fn fork(&self) -> Box<dyn Link> {
        Box::new(Table)
    }
}

fn talk(input: &str) -> String {
    let mut out = Vec::new();
    plain::run(&mut Table, input.as_bytes(), &mut out, false).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_whole_conversation() {
    let said = talk(
        "how do I replace the pump seal?\n:open 1\nnothing\n:yes\n:open 9\n:collections\n:jobs\n:fly\n:quit\n",
    );
    insta::assert_snapshot!("plain_conversation", said);
    assert!(!said.contains('\u{1b}'));
}

#[test]
fn status_and_help_are_prose() {
    insta::assert_snapshot!("plain_status", talk(":status\n:help"));
}
