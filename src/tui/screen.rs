//! The main loop: sleeps in one channel, drains it, updates, draws when a frame is due.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Size;
use rustix::process::{Signal, getpid, kill_process};

use crate::base::{Clock, SystemClock, format_second};
use crate::tui::effect::Effect;
use crate::tui::export;
use crate::tui::keymap::Keymap;
use crate::tui::link::Desk;
use crate::tui::model::Model;
use crate::tui::msg::Msg;
use crate::tui::schedule::{Cause, Due, Schedule};
use crate::tui::term::backend::Screen;
use crate::tui::term::caps::{self, Caps};
use crate::tui::term::guard::{Guard, Tty, restore};
use crate::tui::term::reader;
use crate::tui::term::writer::Writer;
use crate::tui::theme::Tone;
use crate::tui::update::{start, update};
use crate::tui::view::{self, Look};
use crate::tui::{Inlet, Link, TuiError};

/// Messages that may wait, and how many are taken before the next look at the clock.
const QUEUE: usize = 256;
/// How long the end waits for the last frame.
const PATIENCE: Duration = Duration::from_millis(500);

struct Loop {
    model: Model,
    schedule: Schedule,
    terminal: Terminal<Screen<Writer>>,
    /// Frames that are not the screen's: the clipboard.
    aside: Vec<u8>,
    desk: Desk,
    tty: Arc<Tty>,
    guard: Guard,
    look: Look,
    caps: Caps,
    clock: SystemClock,
    inlet: Receiver<Inlet>,
    /// The terminal is gone: nothing can be drawn any more.
    gone: bool,
}

/// A frame for itself: the terminal's own may wait for the one before.
fn drawn(model: &Model, look: &Look) -> Buffer {
    let Ok(mut paper) = Terminal::new(TestBackend::new(model.size.0, model.size.1));
    let Ok(_) = paper.draw(|frame| view::draw(frame, model, look));
    paper.backend().buffer().clone()
}

pub(crate) fn run(link: Box<dyn Link>, keymap: Keymap, look: Look, caps: Caps) -> Result<(), TuiError> {
    let (to, inlet): (SyncSender<Inlet>, _) = sync_channel(QUEUE);
    let tty = Arc::new(Tty::open()?);
    let desk = Desk::open(link, &to)?;
    let signals = reader::signals(to.clone())?;
    let guard = Guard::enter(Arc::clone(&tty))?;
    let writer = Writer::start(Arc::clone(&tty), to.clone())?;
    reader::keys(Arc::clone(&tty), to)?;
    let (width, height) = tty.size();
    let terminal = Terminal::new(Screen::new(writer, caps, Size { width, height }))?;
    let clock = SystemClock::default();
    let model = Model { keymap, size: (width, height), now_ms: clock.now_ms(), ..Model::default() };
    let schedule = Schedule::default();
    let aside = Vec::new();
    let mut it =
        Loop { model, schedule, terminal, aside, desk, tty, guard, look, caps, clock, inlet, gone: false };
    let result = it.run();
    signals.close();
    it.finish();
    result
}

impl Loop {
    fn run(&mut self) -> Result<(), TuiError> {
        let first = start(&mut self.model);
        self.perform(first)?;
        self.schedule.want(Cause::Input);
        while !self.model.quit && !self.gone {
            self.draw()?;
            let Some(inlet) = self.next() else { continue };
            self.take(inlet)?;
            for _ in 0..QUEUE {
                match self.inlet.try_recv() {
                    Ok(inlet) => self.take(inlet)?,
                    Err(_) => break,
                }
            }
        }
        Ok(())
    }

    /// Sleeps until something comes, or until a frame is due.
    fn next(&mut self) -> Option<Inlet> {
        match self.schedule.due(self.clock.monotonic_us()) {
            Due::Now => None,
            Due::Never => {
                let inlet = self.inlet.recv();
                self.gone |= inlet.is_err();
                inlet.ok()
            }
            Due::In(us) => match self.inlet.recv_timeout(Duration::from_micros(us)) {
                Ok(inlet) => Some(inlet),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => {
                    self.gone = true;
                    None
                }
            },
        }
    }

    fn take(&mut self, inlet: Inlet) -> Result<(), TuiError> {
        match inlet {
            Inlet::Msg(msg) => {
                let cause = if matches!(msg, Msg::Events(..)) { Cause::Data } else { Cause::Input };
                self.feed(msg, cause)
            }
            Inlet::Events => {
                let msg = self.desk.take_events();
                self.feed(msg, Cause::Data)
            }
            Inlet::Drained => {
                self.schedule.drained();
                self.send_aside()
            }
            Inlet::Hangup | Inlet::Stop => {
                self.gone |= matches!(inlet, Inlet::Hangup);
                self.model.quit = true;
                Ok(())
            }
            Inlet::Suspend => self.suspend(),
            Inlet::Continued => self.resume(),
            Inlet::Resized => {
                let (width, height) = self.tty.size();
                self.terminal.backend_mut().set_size(Size { width, height });
                self.feed(Msg::Resize(width, height), Cause::Input)
            }
        }
    }

    fn feed(&mut self, msg: Msg, cause: Cause) -> Result<(), TuiError> {
        self.model.now_ms = self.clock.now_ms();
        let effects = update(&mut self.model, msg);
        self.schedule.want(cause);
        self.perform(effects)
    }

    fn perform(&mut self, effects: Vec<Effect>) -> Result<(), TuiError> {
        for effect in effects {
            match self.desk.run(effect) {
                Ok(None) => {}
                Ok(Some(refusal)) => self.feed(refusal, Cause::Input)?,
                Err(Effect::Copy(text)) => {
                    if self.caps.modern {
                        self.aside = caps::copy(&text);
                        self.send_aside()?;
                    } else {
                        self.model.tell(Tone::Warn, "This terminal cannot copy (OSC 52).");
                    }
                }
                Err(Effect::Redraw) => self.repaint()?,
                Err(Effect::SaveScreen) => self.save(None),
                Err(Effect::SaveLines(text)) => self.save(Some(text)),
                Err(Effect::Suspend) => self.suspend()?,
                Err(_) => self.model.quit = true,
            }
        }
        Ok(())
    }

    fn send_aside(&mut self) -> Result<(), TuiError> {
        if !self.aside.is_empty() && !self.schedule.busy() {
            let bytes = std::mem::take(&mut self.aside);
            self.terminal.backend_mut().aside(bytes)?;
            self.schedule.sent();
        }
        Ok(())
    }

    fn draw(&mut self) -> Result<(), TuiError> {
        let now = self.clock.monotonic_us();
        if self.schedule.due(now) != Due::Now {
            return Ok(());
        }
        let (model, look) = (&self.model, &self.look);
        self.terminal.draw(|frame| view::draw(frame, model, look))?;
        let sent = self.terminal.backend_mut().take_sent();
        self.schedule.drawn(now, sent);
        Ok(())
    }

    /// Writes what is drawn, or these lines, into a file.
    fn save(&mut self, lines: Option<String>) {
        let kind = if lines.is_some() { "jsonl" } else { "txt" };
        let text = lines.unwrap_or_else(|| export::text_of(&drawn(&self.model, &self.look)));
        let second = format_second(self.clock.now_ms());
        let folder = std::env::current_dir().unwrap_or_else(|_| std::env::temp_dir());
        match export::save(&text, &folder, (self.model.view.title(), kind), &second) {
            Ok(path) => self.model.tell(Tone::Good, format!("Written to {}.", path.display())),
            Err(error) => {
                self.model
                    .tell(Tone::Bad, format!("The screen cannot be written: {}: {error}.", folder.display()));
            }
        }
        self.schedule.want(Cause::Input);
    }

    fn repaint(&mut self) -> Result<(), TuiError> {
        self.terminal.clear()?;
        self.schedule.want(Cause::Input);
        Ok(())
    }

    fn suspend(&mut self) -> Result<(), TuiError> {
        self.settle();
        restore();
        // Everything stops here until `fg`; its SIGCONT brings the screen back.
        kill_process(getpid(), Signal::STOP).map_err(std::io::Error::from)?;
        Ok(())
    }

    fn resume(&mut self) -> Result<(), TuiError> {
        self.settle();
        self.guard.resume()?;
        let (width, height) = self.tty.size();
        self.terminal.backend_mut().set_size(Size { width, height });
        self.terminal.backend_mut().forget();
        self.repaint()?;
        self.feed(Msg::Resize(width, height), Cause::Input)
    }

    /// Waits a little for a frame that is on its way, so that nothing is cut in the middle.
    fn settle(&mut self) {
        while self.schedule.busy() {
            match self.inlet.recv_timeout(PATIENCE) {
                Ok(Inlet::Drained) => self.schedule.drained(),
                Ok(Inlet::Hangup) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }

    fn finish(mut self) {
        if !self.gone {
            self.settle();
        }
        drop(self.guard);
    }
}
