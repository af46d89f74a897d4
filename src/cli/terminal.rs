//! The terminal while questions are asked: Ctrl-C ends the asking and not the program, so that nothing typed is lost.

use std::io::{self, BufRead};

use zeroize::Zeroizing;

/// How one line of answers ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With Enter.
    Line,
    /// Nobody answers any more.
    Input,
    /// With Ctrl-C.
    Interrupt,
}

/// Reads a line without its end; with `interrupt`, that byte ends it, too.
pub fn read_line(input: &mut dyn BufRead, interrupt: Option<u8>) -> io::Result<(Zeroizing<Vec<u8>>, End)> {
    let mut line = Zeroizing::new(Vec::new());
    loop {
        let read = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        if read.is_empty() {
            let end = if line.is_empty() { End::Input } else { End::Line };
            return Ok((line, end));
        }
        let ends = |byte: &u8| *byte == b'\n' || Some(*byte) == interrupt;
        let Some(at) = read.iter().position(ends) else {
            let length = read.len();
            line.extend_from_slice(read);
            input.consume(length);
            continue;
        };
        let end = if read.get(at) == Some(&b'\n') { End::Line } else { End::Interrupt };
        line.extend_from_slice(read.get(..at).unwrap_or_default());
        input.consume(at + 1);
        return Ok((line, end));
    }
}

/// Standard input as a terminal on which Ctrl-C is a byte like others, until this is dropped.
pub struct Watch {
    #[cfg(unix)]
    before: rustix::termios::Termios,
    interrupt: u8,
}

impl Watch {
    /// Takes Ctrl-C over; none where standard input is no terminal or cannot be set so.
    ///
    /// The terminal hands a line over at the character that interrupts and sends no signal for it.
    #[cfg(unix)]
    pub fn begin() -> Option<Watch> {
        use rustix::termios::{OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};
        let stdin = io::stdin();
        let before = tcgetattr(&stdin).ok()?;
        let off = if cfg!(target_os = "linux") { 0 } else { 0xff };
        let interrupt = before.special_codes[SpecialCodeIndex::VINTR];
        let mut now = before.clone();
        now.special_codes[SpecialCodeIndex::VINTR] = off;
        now.special_codes[SpecialCodeIndex::VEOL] = interrupt;
        if interrupt == off {
            return None;
        }
        tcsetattr(&stdin, OptionalActions::Now, &now).ok()?;
        Some(Watch { before, interrupt })
    }

    /// Takes Ctrl-C over; on this system it cannot be, and ends the program.
    #[cfg(not(unix))]
    pub fn begin() -> Option<Watch> {
        None
    }

    /// Returns the byte that Ctrl-C gives.
    pub fn interrupt(&self) -> u8 {
        self.interrupt
    }
}

#[cfg(unix)]
impl Drop for Watch {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing back.
        rustix::termios::tcsetattr(io::stdin(), rustix::termios::OptionalActions::Now, &self.before).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_enter_the_end_or_ctrl_c() {
        let mut input = io::BufReader::with_capacity(3, &b"theo\n\nhalf a li\x03rest\x03\nlast"[..]);
        let mut next = |interrupt| {
            let (line, end) = read_line(&mut input, interrupt).unwrap();
            (String::from_utf8(line.to_vec()).unwrap(), end)
        };
        assert_eq!(next(Some(3)), ("theo".to_owned(), End::Line));
        assert_eq!(next(Some(3)), (String::new(), End::Line));
        assert_eq!(next(Some(3)), ("half a li".to_owned(), End::Interrupt));
        assert_eq!(next(None), ("rest\u{3}".to_owned(), End::Line));
        assert_eq!(next(None), ("last".to_owned(), End::Line));
        assert_eq!(next(None), (String::new(), End::Input));
    }
}
