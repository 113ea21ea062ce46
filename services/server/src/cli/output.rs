//! What a command prints: text or JSON to stdout, progress and errors to stderr.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

/// Where a command's words go.
pub(super) struct Output {
    pub(super) json: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints the answer: its JSON, or its text.
    pub(super) fn answer(&self, value: &Value, text: &str) -> std::io::Result<()> {
        if self.json {
            self.raw(&format!("{value}\n"))
        } else {
            // What an archive wrote is not to steer a terminal.
            self.raw(&format!("{}\n", text.replace(steers, "\u{fffd}")))
        }
    }

    /// Prints as it is.
    pub(super) fn raw(&self, text: &str) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            done => done,
        }
    }

    /// Says what is happening, to whoever watches.
    pub(super) fn note(&self, text: &str) {
        if !self.json {
            eprintln!("{}", text.replace(steers, "\u{fffd}"));
        }
    }

    /// Says why it failed, in one sentence.
    pub(super) fn error(&self, error: &anyhow::Error) {
        let text = format!("{error:#}");
        if self.json {
            eprintln!("{}", json!({"error": text}));
        } else {
            eprintln!("gantry: {text}");
        }
    }

    /// A bar on a terminal; a plain line per step otherwise.
    pub(super) fn bar(&self, text: &str, total: Option<u64>) -> Bar {
        let on_terminal = std::io::stderr().is_terminal() && !self.json;
        let bar = match total {
            Some(total) => ProgressBar::with_draw_target(Some(total), target(on_terminal)),
            None => ProgressBar::with_draw_target(None, target(on_terminal)),
        };
        let style = if total.is_some() {
            "{msg} {wide_bar} {pos}/{len}"
        } else {
            "{spinner} {msg}"
        };
        bar.set_style(
            ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        bar.set_message(text.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        if !on_terminal {
            self.note(text);
        }
        Bar { bar }
    }
}

fn target(on_terminal: bool) -> ProgressDrawTarget {
    if on_terminal {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    }
}

/// A progress bar.
pub(super) struct Bar {
    bar: ProgressBar,
}

impl Bar {
    pub(super) fn set(&self, done: u64, total: u64, text: &str) {
        self.bar.set_length(total);
        self.bar.set_position(done);
        self.bar.set_message(text.to_owned());
    }

    pub(super) fn say(&self, text: &str) {
        self.bar.set_message(text.to_owned());
    }

    pub(super) fn end(self) {
        self.bar.finish_and_clear();
    }
}

/// Whether a character moves the cursor, changes colours or turns the way of reading.
fn steers(c: char) -> bool {
    let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || c.is_control() && !matches!(c, '\n' | '\t')
}
