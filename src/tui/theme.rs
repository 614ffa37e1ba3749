//! Colours by meaning. Default foreground and background everywhere, so light terminals work too.
//!
//! `NO_COLOR` takes away the colours and nothing else: reverse, bold and underline stay.

use ratatui::style::{Color, Modifier, Style};

use crate::tui::{ColorChoice, Options, TuiError};

/// What a piece of text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Tone {
    #[default]
    Text,
    Strong,
    Quiet,
    Accent,
    Good,
    Warn,
    Bad,
    Selected,
    Match,
    Title,
}

/// Which palette.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Theme {
    #[default]
    Calm,
    Mono,
    Contrast,
}

impl Theme {
    pub(crate) fn choose(options: &Options, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, TuiError> {
        let named = match options.theme.as_deref() {
            None | Some("calm" | "default") => Self::Calm,
            Some("mono") => Self::Mono,
            Some("contrast") => Self::Contrast,
            Some(other) => return Err(TuiError::Theme(other.to_owned())),
        };
        let no_color = env("NO_COLOR").is_some_and(|v| !v.is_empty());
        let plain_term = env("TERM").is_some_and(|t| t == "dumb" || t.starts_with("vt"));
        Ok(match options.color {
            ColorChoice::Never => Self::Mono,
            ColorChoice::Auto if no_color || plain_term => Self::Mono,
            _ => named,
        })
    }

    pub(crate) fn style(self, tone: Tone) -> Style {
        let base = Style::default();
        let bold = base.add_modifier(Modifier::BOLD);
        match (self, tone) {
            (_, Tone::Text) => base,
            (_, Tone::Strong | Tone::Title) => bold,
            (_, Tone::Selected) => base.add_modifier(Modifier::REVERSED),
            (Self::Calm, Tone::Quiet) => base.fg(Color::DarkGray),
            (Self::Mono, Tone::Quiet | Tone::Good) | (Self::Contrast, Tone::Quiet) => base,
            (Self::Calm, Tone::Accent) => base.fg(Color::Cyan),
            (Self::Calm, Tone::Good) => base.fg(Color::Green),
            (Self::Calm, Tone::Warn) => base.fg(Color::Yellow),
            (Self::Calm, Tone::Bad) => base.fg(Color::Red).add_modifier(Modifier::BOLD),
            (Self::Calm, Tone::Match) => bold.fg(Color::Magenta),
            (Self::Mono, Tone::Accent | Tone::Match) => base.add_modifier(Modifier::UNDERLINED),
            (Self::Mono, Tone::Warn) => bold,
            (Self::Mono, Tone::Bad) | (Self::Contrast, Tone::Bad) => bold.add_modifier(Modifier::REVERSED),
            (Self::Contrast, Tone::Accent | Tone::Good) => bold,
            (Self::Contrast, Tone::Warn | Tone::Match) => bold.add_modifier(Modifier::UNDERLINED),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TONES: [Tone; 10] = [
        Tone::Text,
        Tone::Strong,
        Tone::Quiet,
        Tone::Accent,
        Tone::Good,
        Tone::Warn,
        Tone::Bad,
        Tone::Selected,
        Tone::Match,
        Tone::Title,
    ];

    #[test]
    fn no_colour_keeps_reverse_and_bold() {
        let env = |name: &str| (name == "NO_COLOR").then(|| "1".to_owned());
        let theme = Theme::choose(&Options::default(), &env).unwrap();
        for tone in TONES {
            let style = theme.style(tone);
            assert_eq!((style.fg, style.bg), (None, None), "{tone:?}");
        }
        assert!(theme.style(Tone::Selected).add_modifier.contains(Modifier::REVERSED));
        assert!(theme.style(Tone::Strong).add_modifier.contains(Modifier::BOLD));
    }

    #[test]
    fn never_sets_a_background() {
        for theme in [Theme::Calm, Theme::Mono, Theme::Contrast] {
            for tone in TONES {
                assert_eq!(theme.style(tone).bg, None);
            }
        }
    }

    #[test]
    fn an_unknown_theme_is_refused() {
        let options = Options { theme: Some("neon".into()), ..Options::default() };
        assert!(Theme::choose(&options, &|_| None).is_err());
    }
}
