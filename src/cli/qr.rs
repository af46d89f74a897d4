//! QR codes made of characters, for a terminal or a sheet of paper.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};
use zeroize::Zeroizing;

/// Returns a text as a QR code, two rows of it to a line, each line with two spaces before it; none if it is too long.
pub fn code(text: &[u8]) -> Option<Zeroizing<String>> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    // The light squares are drawn, for terminals are mostly dark; readers take a code on a light ground as well.
    let drawn =
        Zeroizing::new(code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build());
    let mut lines = Zeroizing::new(String::with_capacity(drawn.len() * 2));
    for line in drawn.lines() {
        lines.push_str("  ");
        lines.push_str(line);
        lines.push('\n');
    }
    Some(lines)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_card_fits_and_a_book_does_not() {
        let lines = super::code(&[b'a'; 500]).unwrap();
        assert!(lines.lines().count() > 30 && lines.lines().all(|line| line.starts_with("  ")));
        assert!(super::code(&[b'a'; 5000]).is_none());
    }
}
