//! What X-Ray takes as a name.

use std::borrow::Cow;

use super::letters::is_letter;

/// The most characters of a name.
const MOST: usize = 200;

/// `name` without the characters that X-Ray does not take, and without those after the 200th. Tabs and line ends
/// become blanks, and blanks around it go.
pub fn clean(name: &str) -> Cow<'_, str> {
    let sound = |character| is_name(character).then_some(character);
    match kept(name, |character| if character.is_ascii_whitespace() { Some(' ') } else { sound(character) }) {
        Cow::Borrowed(name) => name.trim().into(),
        Cow::Owned(name) => name.trim().to_owned().into(),
    }
}

/// `name` as the Go exporter cleans one: neither blanks nor numbers beyond ASCII remain, and it is cut by bytes.
pub fn clean_like_go(name: &str) -> Cow<'_, str> {
    let keeps = |character: &char| {
        is_name(*character)
            && (character.is_ascii() || !(character.is_numeric() || character.is_whitespace()))
    };
    match kept(name, |character| Some(character).filter(keeps)) {
        Cow::Borrowed(name) => Cow::Borrowed(&name[..name.floor_char_boundary(MOST)]),
        Cow::Owned(mut name) => {
            name.truncate(name.floor_char_boundary(MOST));
            Cow::Owned(name)
        }
    }
}

/// Whether X-Ray takes `name` as it is.
pub fn is_sound(name: &str) -> bool {
    !name.is_empty() && name.chars().all(is_name) && name.chars().count() <= MOST
}

/// The first [`MOST`] of the characters of `name` that remain.
fn kept(name: &str, remains: impl Fn(char) -> Option<char>) -> Cow<'_, str> {
    if name.len() <= MOST && name.chars().all(|character| remains(character) == Some(character)) {
        return name.into();
    }
    name.chars().filter_map(remains).take(MOST).collect()
}

fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || " _.:/%&#=+-@".contains(character) || is_letter(character)
}

/// `text` without what is after its first `most` characters, and whether there was something.
pub fn cut(text: &str, most: usize) -> (&str, bool) {
    match text.char_indices().nth(most) {
        Some((end, _)) => (&text[..end], true),
        None => (text, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x_ray_takes_blanks_of_any_kind_in_a_name_but_no_tab_and_no_201st_character() {
        for (name, sound) in [(" 80", true), ("\u{2028}", true), ("", false), ("a\tb", false), ("a,b", false)]
        {
            assert_eq!(is_sound(name), sound, "{name:?}");
        }
        assert!(is_sound(&"注".repeat(200)) && !is_sound(&"a".repeat(201)));
    }

    #[test]
    fn what_x_ray_does_not_take_is_left_out_of_a_name() {
        for (name, cleaned, like_go) in [
            ("GET /orders?id=1", "GET /ordersid=1", "GET /ordersid=1"),
            ("a,b*c\"d'(e)[f]{g};h!i|j~k^l`m<n>\\o$p", "abcdefghijklmnop", "abcdefghijklmnop"),
            ("a\tb\nc", "a b c", "abc"),
            ("a\u{a0}b ٣ Ⅷ", "a\u{a0}b ٣ Ⅷ", "ab  "),
            ("заказ 注文 été Ω 🚀 done", "заказ 注文 été Ω  done", "заказ 注文 été Ω  done"),
            ("कि", "क", "क"),
            ("(?)!*", "", ""),
        ] {
            assert_eq!((clean(name).as_ref(), clean_like_go(name).as_ref()), (cleaned, like_go), "{name}");
        }
    }

    #[test]
    fn a_name_is_cut_by_characters_and_never_within_one() {
        assert_eq!(clean(&"é".repeat(250)), "é".repeat(200));
        assert_eq!(clean_like_go(&"é".repeat(250)), "é".repeat(100));
        assert_eq!(clean_like_go(&format!("x{}", "é".repeat(250))), format!("x{}", "é".repeat(99)));
    }
}
