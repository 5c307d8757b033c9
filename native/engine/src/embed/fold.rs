//! Accents away: the base letter for the accented ones of Latin-1 and Latin Extended-A, nothing for combining accents.
//!
//! The vocabulary was made from text without accents. The table is Unicode's canonical decomposition of U+00C0 to
//! U+017F; other scripts' accents stay, their words are spelled by the vocabulary or not at all.

const FIRST: char = '\u{c0}';
const BASES: &str = "AAAAAAÆCEEEEIIIIÐNOOOOO×ØUUUUYÞßaaaaaaæceeeeiiiiðnooooo÷øuuuuyþyAaAaAaCcCcCcCcDdĐđEeEeEeEeEeGgGgGgGgHhĦħ\
                     IiIiIiIiIıĲĳJjKkĸLlLlLlĿŀŁłNnNnNnŉŊŋOoOoOoŒœRrRrRrSsSsSsSsTtTtŦŧUuUuUuUuUuUuWwYyYZzZzZzſ";
const COUNT: usize = 192;

const TABLE: [char; COUNT] = {
    let bytes = BASES.as_bytes();
    let mut table = ['\0'; COUNT];
    let mut at = 0;
    let mut entry = 0;
    while at < bytes.len() {
        // Every entry lies below U+0800: one or two bytes of UTF-8.
        if bytes[at] < 0x80 {
            table[entry] = bytes[at] as char;
            at += 1;
        } else {
            let code = ((bytes[at] as u32 & 0x1f) << 6) | (bytes[at + 1] as u32 & 0x3f);
            table[entry] = match char::from_u32(code) {
                Some(letter) => letter,
                None => panic!("the table holds letters"),
            };
            at += 2;
        }
        entry += 1;
    }
    assert!(entry == COUNT);
    table
};

/// Whether this is a combining accent, which is left out of words.
pub fn is_accent(letter: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&letter)
}

/// The letter without its accent.
pub fn base_letter(letter: char) -> char {
    let index = (letter as usize).wrapping_sub(FIRST as usize);
    TABLE.get(index).copied().unwrap_or(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_go_and_other_letters_stay() {
        assert_eq!("éÀçñŽſß日z".chars().map(base_letter).collect::<String>(), "eAcnZſß日z");
        assert!(is_accent('\u{301}'));
        assert!(!is_accent('e'));
    }
}
