//! `${VARIABLE}` in a configuration file.

use super::entry::Lookup;

/// Replaces `${NAME}` and `${NAME:-default}` by what `lookup` says of them.
///
/// `${env:NAME}` is the same as `${NAME}`; a default may hold variables, too. The error says
/// which part is wrong; it holds no value of a variable, and no text around it.
pub(super) fn expand(text: &str, lookup: Lookup<'_>) -> Result<String, String> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        expanded.push_str(before);
        let (inner, after) = split_at_end(after).ok_or("`${` has no `}`")?;
        expanded.push_str(&value(inner, lookup)?);
        rest = after;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// What is before and after the `}` that belongs to a `${` before all this.
fn split_at_end(text: &str) -> Option<(&str, &str)> {
    let mut deeper = 0;
    for (at, char) in text.char_indices() {
        match char {
            '$' if text[at..].starts_with("${") => deeper += 1,
            '}' if deeper == 0 => return Some((&text[..at], &text[at + 1..])),
            '}' => deeper -= 1,
            _ => {}
        }
    }
    None
}

fn value(inner: &str, lookup: Lookup<'_>) -> Result<String, String> {
    let (name, default) = match inner.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inner, None),
    };
    let name = name.strip_prefix("env:").unwrap_or(name);
    if let Some(input) = name.strip_prefix("input:") {
        return Err(format!(
            "`${{input:{input}}}` is asked for by an editor; use an environment variable"
        ));
    }
    let is_name = |char: char| char.is_ascii_alphanumeric() || char == '_';
    if name.is_empty() || !name.chars().all(is_name) {
        return Err(format!(
            "`${{{name}}}` is not an environment variable; write `${{NAME}}` or `${{NAME:-default}}`"
        ));
    }
    // As in a shell: `:-` also replaces what is empty.
    let value = lookup(name).filter(|value| default.is_none() || !value.is_empty());
    match (value, default) {
        (Some(value), _) => Ok(value),
        (None, Some(default)) => expand(default, lookup),
        (None, None) => Err(format!(
            "the environment variable `{name}` is not set; set it, or write `${{{name}:-default}}`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<String, String> {
        expand(text, &|name| match name {
            "HOST" => Some("example.org".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        })
    }

    #[test]
    fn variables_and_defaults_are_replaced() {
        #[track_caller]
        fn check(text: &str, expected: &str) {
            assert_eq!(expanded(text).as_deref(), Ok(expected));
        }
        check("plain $HOST {HOST}", "plain $HOST {HOST}");
        check("https://${HOST}/${HOST}", "https://example.org/example.org");
        check("${env:HOST}", "example.org");
        check("${PORT:-80}", "80");
        check("${HOST:-none}", "example.org");
        check("${EMPTY}", "");
        check("${EMPTY:-full}", "full");
        check("${PORT:-}", "");
        check("${PORT:-${EMPTY:-${HOST}:1}}/x", "example.org:1/x");
        // What is not needed need not be there.
        check("${HOST:-${PORT}}", "example.org");
        check("${PORT:-{80}}", "{80}");
    }

    #[test]
    fn what_cannot_be_replaced_is_named() {
        #[track_caller]
        fn check(text: &str, part: &str) {
            let error = expanded(text).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        check("${PORT}", "`PORT` is not set");
        check("${PORT", "has no `}`");
        check("${PORT:-${HOST}", "has no `}`");
        check("${PORT:-${OTHER}}", "`OTHER` is not set");
        check("${}", "`${}` is not");
        check("${workspaceFolder}/x", "`workspaceFolder` is not set");
        check("${file Basename}", "`${file Basename}` is not");
        check("${input:key}", "asked for by an editor");
    }
}
