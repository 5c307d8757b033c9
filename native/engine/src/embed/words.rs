//! Text to words: what the instant lane reads.
//!
//! A word is a run of letters and digits, cut where the case rises (`readFile`), where a run of capitals ends
//! (`HTTPServer`) and between letters and digits; lower-cased, without accents. `models/instant-v2/words.mjs` has the
//! same rules for the recipe.

use super::fold::{base_letter, is_accent};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Upper,
    Lower,
    Digit,
    Accent,
    Other,
}

const ASCII: [Class; 128] = {
    let mut classes = [Class::Other; 128];
    let mut byte = 0_u8;
    while byte < 128 {
        classes[byte as usize] = if byte.is_ascii_uppercase() {
            Class::Upper
        } else if byte.is_ascii_lowercase() {
            Class::Lower
        } else if byte.is_ascii_digit() {
            Class::Digit
        } else {
            Class::Other
        };
        byte += 1;
    }
    classes
};

fn class_of(letter: char) -> Class {
    if letter.is_uppercase() {
        Class::Upper
    } else if letter.is_alphabetic() {
        Class::Lower
    } else if letter.is_numeric() {
        Class::Digit
    } else if is_accent(letter) {
        Class::Accent
    } else {
        Class::Other
    }
}

/// Calls `found` with every word of `text`, in order. The word lives in a buffer that the next one overwrites.
pub fn for_each_word(text: &str, buffer: &mut String, mut found: impl FnMut(&str)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte < 128 && ASCII[byte as usize] == Class::Other {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len() && bytes[at] < 128 && ASCII[bytes[at] as usize] != Class::Other {
            at += 1;
        }
        if at < bytes.len() && bytes[at] >= 128 {
            at = foreign_run(text, start, buffer, &mut found);
        } else {
            ascii_run(&text[start..at], buffer, &mut found);
        }
    }
}

/// The words of a run of ASCII letters and digits.
fn ascii_run(run: &str, buffer: &mut String, found: &mut impl FnMut(&str)) {
    let bytes = run.as_bytes();
    let mut start = 0;
    for at in 1..=bytes.len() {
        let ends = at == bytes.len() || {
            let next = bytes.get(at + 1).map(|&byte| ASCII[byte as usize]);
            cuts(ASCII[bytes[at - 1] as usize], ASCII[bytes[at] as usize], next)
        };
        if ends {
            buffer.clear();
            buffer.push_str(&run[start..at]);
            buffer.make_ascii_lowercase();
            found(buffer);
            start = at;
        }
    }
}

/// The words of a run with letters beyond ASCII, which starts at `start`.
///
/// Returns where the run ends.
fn foreign_run(text: &str, start: usize, buffer: &mut String, found: &mut impl FnMut(&str)) -> usize {
    let rest = &text[start..];
    let length = rest.find(|letter| class_of(letter) == Class::Other).unwrap_or(rest.len());
    let letters: Vec<char> = rest[..length].chars().filter(|&letter| !is_accent(letter)).map(base_letter).collect();
    let mut word = 0;
    for at in 1..=letters.len() {
        let ends = at == letters.len() || {
            let next = letters.get(at + 1).map(|&letter| class_of(letter));
            cuts(class_of(letters[at - 1]), class_of(letters[at]), next)
        };
        if ends {
            buffer.clear();
            buffer.extend(&letters[word..at]);
            let lowered = buffer.to_lowercase();
            found(&lowered);
            word = at;
        }
    }
    // A single character that is no letter at all has to be stepped over too.
    let step = rest.chars().next().map_or(1, char::len_utf8);
    start + length.max(step)
}

/// Whether a word ends between two neighbours, given what follows them.
fn cuts(before: Class, after: Class, next: Option<Class>) -> bool {
    match (before, after) {
        (Class::Digit, Class::Digit) | (Class::Lower | Class::Upper, Class::Lower) => false,
        (Class::Upper, Class::Upper) => next == Some(Class::Lower),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        for_each_word(text, &mut String::new(), |word| found.push(word.to_owned()));
        found
    }

    #[test]
    fn identifiers_are_cut_at_case_digits_and_underscores() {
        assert_eq!(
            words("parseHTTPServer2x = snake_case(userIDs)"),
            ["parse", "http", "server", "2", "x", "snake", "case", "user", "i", "ds"]
        );
        assert_eq!(words("iOS A Ab AB v1.0"), ["i", "os", "a", "ab", "ab", "v", "1", "0"]);
    }

    #[test]
    fn letters_beyond_ascii_lose_their_accents_only() {
        assert_eq!(words("naïve_Ünder café日本語 → ΣΑΣ e\u{301}t"), ["naive", "under", "cafe日本語", "σας", "et"]);
    }

    #[test]
    fn text_without_letters_has_no_words() {
        assert!(words("→ … {} ;; \u{301}").is_empty());
        assert!(words("").is_empty());
    }
}
