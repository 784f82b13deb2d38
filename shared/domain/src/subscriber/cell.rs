//! Cells that a spreadsheet opens as texts (CWE-1236; OWASP ASVS 1.2.10).

/// What a spreadsheet would run as a formula, in full width too.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
/// Where a spreadsheet of another country begins a new cell.
const SEPARATORS: [char; 3] = [',', ';', '\t'];

/// A text with an apostrophe before what a spreadsheet would run: at its beginning, and behind
/// each sign that another spreadsheet takes for the end of a cell.
#[must_use]
pub fn harmless(text: &str) -> String {
    rewritten(text, |out, rest| {
        if rest.starts_with(FORMULA) || rest.starts_with('\'') {
            out.push('\'');
        }
        rest
    })
}

/// A text without the apostrophes that [`harmless`] put there.
#[must_use]
pub fn plain(cell: &str) -> String {
    rewritten(cell, |_, rest| {
        rest.strip_prefix('\'')
            .filter(|rest| rest.starts_with(FORMULA) || rest.starts_with('\''))
            .unwrap_or(rest)
    })
}

/// Copies `text`, with `at_start` applied where a cell may begin: it may write something and
/// returns what is left to copy, whose first sign is then copied as it is.
fn rewritten(text: &str, at_start: impl for<'a> Fn(&mut String, &'a str) -> &'a str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut may_begin = true;
    let mut rest = text;
    while let Some(sign) = rest.chars().next() {
        let opens = matches!(sign, ' ' | '"') || SEPARATORS.contains(&sign);
        if may_begin && !opens {
            rest = at_start(&mut out, rest);
            may_begin = false;
        } else {
            may_begin = SEPARATORS.contains(&sign) || (may_begin && opens);
        }
        let mut signs = rest.chars();
        out.extend(signs.next());
        rest = signs.as_str();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn h8_what_a_spreadsheet_would_run_begins_with_an_apostrophe() {
        for (text, cell) in [
            ("=HYPERLINK(\"x\")", "'=HYPERLINK(\"x\")"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@x", "'@x"),
            ("＝1", "'＝1"),
            ("\t=1", "\t'=1"),
            (" \"=1", " \"'=1"),
            ("a;=1", "a;'=1"),
            ("a, \"+1", "a, \"'+1"),
            ("'=1", "''=1"),
            ("'Aisyiyah", "''Aisyiyah"),
            ("Siti-Aminah", "Siti-Aminah"),
            ("Budi, S.Kom", "Budi, S.Kom"),
            ("", ""),
        ] {
            assert_eq!(harmless(text), cell);
            assert_eq!(plain(cell), text);
        }
        assert_eq!(plain("'Aisyiyah"), "'Aisyiyah", "as a person writes it");
    }

    proptest! {
        #[test]
        fn i10_a_cell_reads_back(text in "[-=+@＝',;\"\t ab]{0,12}") {
            prop_assert_eq!(plain(&harmless(&text)), text);
        }

        #[test]
        fn h8_no_cell_begins_a_formula(text in "[-=+@＝',;\"\t ab]{0,12}") {
            for part in harmless(&text).split(SEPARATORS) {
                let part = part.trim_start_matches([' ', '"']);
                prop_assert!(!part.starts_with(FORMULA), "{}", part);
            }
        }
    }
}
