//! Text as remote systems return it, brought to the form the house compares: plain, `\n` line ends, no outer white space.

/// Plain text in the house's form: `\n` line ends, no white space at line ends, none around the whole.
pub(super) fn tidy(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n").replace('\u{a0}', " ");
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim().to_owned()
}

/// One line of text: white space of any kind counts as one space.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// At most `most` characters, without white space left hanging at the cut.
pub(super) fn shorten(text: &str, most: usize) -> String {
    text.chars().take(most).collect::<String>().trim_end().to_owned()
}

/// The text of an HTML body: comments, head, scripts and tags go, block ends become line ends.
pub(super) fn from_html(html: &str) -> String {
    let mut out = String::with_capacity(html.len() / 2);
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        push_text(&mut out, &rest[..at]);
        rest = skip_tag(&rest[at..], &mut out);
    }
    push_text(&mut out, rest);
    tidy(&out)
}

/// Goes past one tag, comment, or element whose content is no text.
fn skip_tag<'a>(rest: &'a str, out: &mut String) -> &'a str {
    if let Some(comment) = rest.strip_prefix("<!--") {
        return comment.find("-->").map_or("", |end| &comment[end + 3..]);
    }
    let Some(end) = rest.find('>') else { return "" };
    let tag = rest[1..end].trim_start_matches('/').to_ascii_lowercase();
    let name: String = tag.chars().take_while(char::is_ascii_alphanumeric).collect();
    let closing = rest.starts_with("</");
    if !closing && matches!(name.as_str(), "head" | "style" | "script" | "title") {
        let close = format!("</{name}");
        let after = find_ignoring_case(rest, &close).map_or("", |at| &rest[at..]);
        return after.find('>').map_or("", |at| &after[at + 1..]);
    }
    if name == "br" || (closing && matches!(name.as_str(), "p" | "div" | "li" | "tr" | "h1" | "h2" | "h3")) {
        out.push('\n');
    }
    &rest[end + 1..]
}

/// Where an ASCII text begins, letters of either case; looks no further than to the first place.
fn find_ignoring_case(text: &str, what: &str) -> Option<usize> {
    text.as_bytes().windows(what.len()).position(|part| part.eq_ignore_ascii_case(what.as_bytes()))
}

/// Appends text with its character references resolved; line ends of the source are mere spaces.
fn push_text(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        push_spaced(out, &rest[..at]);
        let tail = &rest[at + 1..];
        let found = tail.find(';').filter(|end| *end <= 10).and_then(|end| Some((end, reference(&tail[..end])?)));
        if let Some((end, letter)) = found {
            out.push(letter);
            rest = &tail[end + 1..];
        } else {
            out.push('&');
            rest = tail;
        }
    }
    push_spaced(out, rest);
}

fn push_spaced(out: &mut String, text: &str) {
    for letter in text.chars() {
        let letter = if letter.is_ascii_whitespace() { ' ' } else { letter };
        if letter != ' ' || !out.ends_with([' ', '\n']) {
            out.push(letter);
        }
    }
}

fn reference(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn html_bodies_become_the_text_that_was_written() {
        let html = "<html><head><meta charset=\"utf-8\"><style>p{}</style></head><body>\r\n<!-- converted from text -->\
                    <div>Weekly&nbsp;rehearsal<br>\r\nbring &lt;notes&gt; &amp; water &#228;</div>\r\n</body></html>";
        assert_eq!(from_html("a<STYLE>é{}</Style >b<script>never closed"), "ab");
        assert_eq!(from_html(html), "Weekly rehearsal\nbring <notes> & water ä");
    }

    #[test]
    fn tidy_text_has_plain_line_ends_and_no_outer_space() {
        assert_eq!(tidy("  a \r\nb\t\r\n\r\n"), "a\nb");
        assert_eq!(one_line(" a\n b "), "a b");
        assert_eq!(shorten("ab cd", 3), "ab");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn tidying_and_reading_html_never_panic_and_tidying_twice_changes_nothing(text in "\\PC{0,80}") {
            let once = tidy(&text);
            prop_assert_eq!(tidy(&once), once.clone());
            let _ = from_html(&text);
        }
    }
}
