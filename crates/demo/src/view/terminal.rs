//! Where the screen goes: a terminal, redrawn in place, or a pipe, line by line.

use std::io::{self, IsTerminal as _, Stdout, Write};

use crossterm::{
    cursor::{Hide, MoveTo, Show},
    queue,
    style::Print,
    terminal::{
        self, BeginSynchronizedUpdate, Clear, ClearType, DisableLineWrap, EnableLineWrap,
        EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    },
};

/// Columns and rows of a terminal that does not say.
const USUAL: (u16, u16) = (80, 24);

/// What a view can show.
pub trait Picture {
    /// The whole screen, a text per line.
    fn lines(&self) -> Vec<String>;
    /// All that matters in one line, for a pipe; `None` when there is nothing to add to the line before.
    fn line(&self) -> Option<String>;
}

/// The view. A terminal is given back as it was when this is dropped.
#[derive(Debug)]
pub struct View<W: Write> {
    out: W,
    style: Style,
    size: fn() -> io::Result<(u16, u16)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// One line per screen.
    Lines,
    /// A screen of its own; `entered` once something was drawn.
    InPlace { entered: bool },
}

impl View<Stdout> {
    /// Shows on standard output: in place on a terminal, otherwise line by line.
    #[must_use]
    pub fn stdout() -> Self {
        let out = io::stdout();
        if out.is_terminal() { Self::in_place(out) } else { Self::lines(out) }
    }
}

impl<W: Write> View<W> {
    /// Shows each screen as one line.
    pub fn lines(out: W) -> Self {
        Self { out, style: Style::Lines, size: terminal::size }
    }

    /// Shows each screen in the place of the one before, on the alternate screen of a terminal.
    pub fn in_place(out: W) -> Self {
        Self { out, style: Style::InPlace { entered: false }, size: terminal::size }
    }

    /// Shows a picture; call it once a second.
    ///
    /// # Errors
    /// When the output is gone.
    pub fn show(&mut self, picture: &impl Picture) -> io::Result<()> {
        match self.style {
            Style::Lines => {
                if let Some(line) = picture.line() {
                    writeln!(self.out, "{line}")?;
                }
            }
            Style::InPlace { entered } => {
                if !entered {
                    // Noted first: what was half done is undone as well.
                    self.style = Style::InPlace { entered: true };
                    queue!(self.out, EnterAlternateScreen, Hide, DisableLineWrap)?;
                }
                self.draw(&picture.lines())?;
            }
        }
        self.out.flush()
    }

    /// Draws what fits. The last row ends without a line break, so nothing ever scrolls.
    fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        let (columns, rows) = (self.size)().unwrap_or(USUAL);
        queue!(self.out, BeginSynchronizedUpdate)?;
        for (row, line) in (0..rows).zip(lines) {
            let shown: String = line.chars().take(columns.into()).collect();
            queue!(self.out, MoveTo(0, row), Print(shown), Clear(ClearType::UntilNewLine))?;
        }
        if let Ok(end) = u16::try_from(lines.len())
            && end < rows
        {
            queue!(self.out, MoveTo(0, end), Clear(ClearType::FromCursorDown))?;
        }
        queue!(self.out, EndSynchronizedUpdate)
    }

    fn restore(&mut self) -> io::Result<()> {
        if self.style == (Style::InPlace { entered: true }) {
            self.style = Style::InPlace { entered: false };
            queue!(self.out, EndSynchronizedUpdate, EnableLineWrap, Show, LeaveAlternateScreen)?;
            self.out.flush()?;
        }
        Ok(())
    }
}

impl<W: Write> Drop for View<W> {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing back.
        drop(self.restore());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::screen::tests::well;

    const ENTER: &str = "\u{1b}[?1049h";
    const LEAVE: &str = "\u{1b}[?1049l";
    const SHOW_CURSOR: &str = "\u{1b}[?25h";

    fn drawn(size: fn() -> io::Result<(u16, u16)>, times: usize) -> String {
        let mut out = Vec::new();
        let mut view = View::in_place(&mut out);
        view.size = size;
        (0..times).for_each(|_| view.show(&well()).unwrap());
        drop(view);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_terminal_is_entered_once_and_given_back() {
        let text = drawn(|| Ok((100, 40)), 3);
        assert!(text.starts_with(ENTER) && text.ends_with(LEAVE), "{text:?}");
        assert_eq!((text.matches(ENTER).count(), text.matches(LEAVE).count()), (1, 1));
        assert!(text.contains(SHOW_CURSOR));
    }

    #[test]
    fn nothing_scrolls_whatever_the_size() {
        for size in
            [|| Ok((100, 40)), || Ok((10, 3)), || Ok((1, 1)), || Err(io::ErrorKind::Unsupported.into())]
        {
            let text = drawn(size, 1);
            assert!(!text.contains('\n'), "{text:?}");
            let (columns, rows) = size().unwrap_or(USUAL);
            assert!(!text.contains(&format!("\u{1b}[{};1H", rows + 1)), "{text:?}");
            let longest = text
                .split('\u{1b}')
                .filter_map(|part| part.split_once('H'))
                .map(|(_, line)| line.chars().count());
            assert!(longest.max().unwrap_or(0) <= columns.into(), "{text:?}");
        }
    }

    #[test]
    fn a_view_that_showed_nothing_leaves_no_trace() {
        assert_eq!(drawn(|| Ok((80, 24)), 0), "");
    }

    #[test]
    fn a_pipe_gets_lines_and_no_control_characters() {
        let mut out = Vec::new();
        let mut view = View::lines(&mut out);
        (0..3).for_each(|_| view.show(&well()).unwrap());
        drop(view);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), 3);
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
    }
}
