//! Which key does what: the table's keys, changed by a file of `action = ["key", ...]`.

use std::collections::HashMap;

use crate::base::InOrder;
use crate::tui::TuiError;
use crate::tui::action::{Action, Group, TABLE, groups};
use crate::tui::key::Key;
use crate::tui::model::View;

#[derive(Debug, Clone)]
pub(crate) struct Keymap {
    keys: HashMap<(Group, Key), Action>,
    of: HashMap<Action, Vec<Key>>,
}

impl Default for Keymap {
    fn default() -> Self {
        let of =
            TABLE.iter().map(|s| (s.action, s.keys.iter().filter_map(|k| Key::parse(k)).collect())).collect();
        Self::from_keys(of)
    }
}

impl Keymap {
    fn from_keys(of: HashMap<Action, Vec<Key>>) -> Self {
        let mut keys = HashMap::new();
        for s in TABLE {
            for key in of.get(&s.action).into_iter().flatten() {
                keys.entry((s.group, *key)).or_insert(s.action);
            }
        }
        Self { keys, of }
    }

    pub(crate) fn action(&self, view: View, key: Key) -> Option<Action> {
        groups(view).iter().find_map(|g| self.keys.get(&(*g, key)).copied())
    }

    /// The keys of an action, the first being the one to show.
    pub(crate) fn keys(&self, action: Action) -> &[Key] {
        self.of.get(&action).map_or(&[], Vec::as_slice)
    }

    /// The key to show in a view: the first that a more specific group does not take.
    pub(crate) fn shown(&self, view: View, action: Action) -> Option<Key> {
        self.keys(action).iter().copied().find(|k| self.action(view, *k) == Some(action))
    }

    /// Reads a key file over the defaults. An action that is named loses its default keys.
    pub(crate) fn read(text: &str) -> Result<Self, TuiError> {
        let fail = |line: usize, problem: String| TuiError::Keys { line, problem };
        let table: HashMap<String, toml::Spanned<Vec<toml::Spanned<String>>>> = toml::from_str(text)
            .map_err(|e| {
                let at = e.span().map_or(0, |s| s.start);
                fail(line_of(text, at), e.message().trim().to_owned())
            })?;
        let mut of = Self::default().of;
        let mut taken: HashMap<(Group, Key), &str> = HashMap::new();
        let mut rows: Vec<_> = table.iter().collect();
        rows.order_by_key(|(_, keys)| keys.span().start);
        for (id, names) in rows {
            let at = line_of(text, names.span().start);
            let spec = TABLE
                .iter()
                .find(|s| s.id == id)
                .ok_or_else(|| fail(at, format!("there is no action \"{id}\"; see --print-keys")))?;
            let mut keys = Vec::new();
            for name in names.get_ref() {
                let at = line_of(text, name.span().start);
                let key = Key::parse(name.get_ref())
                    .ok_or_else(|| fail(at, format!("\"{}\" is not a key", name.get_ref())))?;
                if let Some(other) = taken.insert((spec.group, key), spec.id) {
                    return Err(fail(at, format!("{key} is already {other}")));
                }
                keys.push(key);
            }
            of.insert(spec.action, keys);
        }
        for s in TABLE {
            if !table.contains_key(s.id)
                && let Some(keys) = of.get_mut(&s.action)
            {
                keys.retain(|k| !taken.contains_key(&(s.group, *k)));
            }
        }
        // Without these two keys there would be no way out.
        for (action, key) in [(Action::Quit, "ctrl-c"), (Action::Back, "esc")] {
            if of.get(&action).is_none_or(Vec::is_empty) {
                of.insert(action, Key::parse(key).into_iter().collect());
            }
        }
        Ok(Self::from_keys(of))
    }

    /// The key file that says what is bound now: what `--print-keys` prints.
    pub(crate) fn print(&self) -> String {
        let mut out = String::from("# spud keys. Copy what you change into a file for --keys-file.\n");
        for group in Group::ALL {
            out.push_str(&format!("\n# {}\n", group.title()));
            for s in TABLE.iter().filter(|s| s.group == group) {
                let keys: Vec<String> = self.keys(s.action).iter().map(|k| quote(&k.to_string())).collect();
                let line = format!("{} = [{}]", s.id, keys.join(", "));
                let asks = if s.danger { " (asks first)" } else { "" };
                out.push_str(&format!("{line:<42} # {}{asks}\n", s.label));
            }
        }
        out
    }
}

fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|b| *b == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_reads_back() {
        let map = Keymap::default();
        let again = Keymap::read(&map.print()).unwrap();
        assert_eq!(map.print(), again.print());
    }

    #[test]
    fn no_two_actions_of_a_group_share_a_key() {
        let map = Keymap::default();
        for s in TABLE {
            for key in map.keys(s.action) {
                assert_eq!(map.keys.get(&(s.group, *key)), Some(&s.action), "{key} of {}", s.id);
            }
        }
    }

    #[test]
    fn rebinding_moves_keys() {
        let map = Keymap::read("# mine\nquit = [\"Q\"]\ndown = [\"n\", \"down\"]\n").unwrap();
        let key = |k: &str| Key::parse(k).unwrap();
        assert_eq!(map.action(View::Logs, key("Q")), Some(Action::Quit));
        assert_eq!(map.action(View::Logs, key("q")), None);
        assert_eq!(map.action(View::Logs, key("n")), Some(Action::Down));
        assert_eq!(map.action(View::Ask, key("n")), Some(Action::ReadAfter), "the view's own key wins");
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        let at = |text: &str| match Keymap::read(text) {
            Err(TuiError::Keys { line, problem }) => (line, problem),
            other => panic!("{other:?}"),
        };
        assert_eq!(at("\nfly = [\"f\"]").0, 2);
        assert_eq!(at("up = [\"k\"]\n\ndown = [\n  \"hyper-x\"]"), (4, "\"hyper-x\" is not a key".into()));
        assert_eq!(at("up = [\"k\"]\ndown = [\"k\"]"), (2, "k is already up".into()));
        assert_eq!(at("up = \n").0, 1);
        let map = Keymap::read("quit = []").unwrap();
        assert_eq!(map.keys(Action::Quit).len(), 1);
    }
}
