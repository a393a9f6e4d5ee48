//! Credentials that we have been given, so that nobody is told them.
//!
//! A server that fails quotes what it was started with, or what it was sent; its words
//! stand in our errors and logs.

use std::{
    collections::VecDeque,
    error::Error as _,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use mcp_domain::{CommandTarget, Error, Target, UnixSpeech};

use crate::failure;

mod hush;

/// What stands in place of a secret.
const HIDDEN: &str = "(hidden)";

/// What is shorter hides nothing, and occurs everywhere.
const SHORTEST: usize = 6;

/// How many are remembered: tokens come and go.
const MOST: usize = 64;

/// Credentials that were given for one server. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Arc<Mutex<VecDeque<String>>>);

impl Secrets {
    /// Those that a target holds.
    pub(crate) fn of(target: &Target) -> Self {
        let secrets = Self::default();
        match target {
            Target::Command(CommandTarget { args, env, .. }) => {
                let telling =
                    |(name, value): &(&String, &String)| names_a_secret(name) || !is_plain(value);
                let values = env.iter().filter(telling);
                values.for_each(|(_, value)| secrets.add(value));
                for text in args.iter().chain(env.values()) {
                    secrets.add_those_of_url(text);
                    // `--token=…`, `postgres://…?password=…`
                    if let Some((name, value)) = text.split_once('=')
                        && names_a_secret(name)
                    {
                        secrets.add(value);
                    }
                }
                for pair in args.windows(2) {
                    if pair[0].starts_with('-') && names_a_secret(&pair[0]) {
                        secrets.add(&pair[1]);
                    }
                }
            }
            Target::Http(http) => {
                secrets.add_those_of_url(&http.url);
                http.headers.values().for_each(|value| secrets.add(value));
            }
            Target::Unix(unix) => {
                if let UnixSpeech::Http { endpoint, headers } = &unix.speech {
                    secrets.add_those_of_url(endpoint);
                    headers.values().for_each(|value| secrets.add(value));
                }
            }
            _ => {}
        }
        secrets
    }

    /// Remembers one. Of `Bearer …` both the whole and the token.
    pub(crate) fn add(&self, secret: &str) {
        let token = secret.rsplit(' ').next().unwrap_or_default();
        let mut secrets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for secret in [secret, token] {
            if secret.len() >= SHORTEST && !secrets.iter().any(|known| known == secret) {
                if secrets.len() == MOST {
                    secrets.pop_front();
                }
                secrets.push_back(secret.to_owned());
            }
        }
    }

    /// User, password, and the values of the query.
    fn add_those_of_url(&self, text: &str) {
        let (rest, query) = text.split_once('?').unwrap_or((text, ""));
        if let Some((_, rest)) = rest.split_once("://")
            && let Some((user, _)) = rest.rsplit_once('@')
        {
            self.add(user.split_once(':').map_or(user, |(_, password)| password));
            // As HTTP sends them.
            self.add(&BASE64_STANDARD.encode(user));
        }
        for pair in query.split(['&', '#']) {
            self.add(pair.split_once('=').map_or(pair, |(_, value)| value));
        }
    }

    /// The text without them.
    pub(crate) fn hide(&self, text: &str) -> String {
        let secrets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut secrets: Vec<_> = secrets.iter().collect();
        // A secret that holds another one goes first.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        let hidden = |text: String, secret: &String| text.replace(secret, HIDDEN);
        secrets.into_iter().fold(text.to_owned(), hidden)
    }

    /// A text without them that was cut somewhere: also without the beginning of one at
    /// its end.
    pub(crate) fn hide_in_quote(&self, text: &str) -> String {
        let mut hidden = self.hide(text);
        let secrets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = |secret: &String| {
            let lengths = (SHORTEST..secret.len()).rev();
            let mut beginnings = lengths.filter_map(|length| secret.get(..length));
            beginnings.find_map(|beginning| Some(hidden.strip_suffix(beginning)?.len()))
        };
        if let Some(shown) = secrets.iter().filter_map(begun).min() {
            hidden.truncate(shown);
            hidden.push_str(HIDDEN);
        }
        hidden
    }

    /// The error without them, neither in its own words nor in those of its causes.
    pub(crate) fn scrub(&self, error: Error) -> Error {
        let told = format!("{} {error:?}", error.chain());
        if self.hide(&told) == told {
            return error;
        }
        let scrubbed = failure::retold(&error, error.kind(), self.hide(&error.to_string()));
        let mut causes = Vec::new();
        let mut cause = error.source();
        while let Some(error) = cause {
            causes.push(self.hide(&error.to_string()));
            cause = error.source();
        }
        match causes.is_empty() {
            true => scrubbed,
            false => scrubbed.with_source(causes.join(": ")),
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

/// Paths and words, which errors need to be understood. Under a name that tells of a
/// secret they are hidden all the same.
fn is_plain(value: &str) -> bool {
    let is_path = ["/", "./", "../", "~/"]
        .iter()
        .any(|start| value.starts_with(start));
    is_path || value.chars().all(|char| char.is_ascii_alphabetic())
}

fn names_a_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "key",
        "pass",
        "pwd",
        "secret",
        "token",
        "auth",
        "credential",
    ]
    .iter()
    .any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use mcp_domain::{ErrorKind, Retry};

    use super::*;

    #[track_caller]
    fn hidden(target: &Target, text: &str, expected: &str) {
        assert_eq!(Secrets::of(target).hide(text), expected);
    }

    #[test]
    fn what_a_target_holds_is_hidden() {
        let mut command = CommandTarget::default();
        let env = ("DATABASE_URL".to_owned(), "pg://me:hunter2@h/db".to_owned());
        command.env.extend([env]);
        hidden(&command.into(), "no pg://me:hunter2@h/db", "no (hidden)");
        let args = [
            "--token=abcdefgh",
            "--api-key",
            "ijklmnop",
            "pg://me:hunter2@h/db",
        ];
        hidden(
            &Target::command("s", args),
            "abcdefgh ijklmnop pg://me:hunter2@h/db",
            "(hidden) (hidden) pg://me:(hidden)@h/db",
        );
        let url = Target::http("https://me:hunter2@h/mcp?key=abcdefgh&x=1");
        hidden(&url, "hunter2 abcdefgh 1", "(hidden) (hidden) 1");
    }

    #[test]
    fn a_token_is_hidden_with_its_scheme_and_without() {
        let secrets = Secrets::default();
        secrets.add("Bearer hunter2");
        assert_eq!(
            secrets.hide("`Bearer hunter2`, hunter2"),
            "`(hidden)`, (hidden)"
        );
    }

    #[test]
    fn a_quote_may_end_within_one() {
        let secrets = Secrets::default();
        secrets.add("hunter2-größe");
        for (quote, told) in [
            (
                "by hunter2-größe, by hunter2-gr",
                "by (hidden), by (hidden)",
            ),
            ("by hunter2-größe", "by (hidden)"),
            ("by hunter2-g, no more", "by hunter2-g, no more"),
            ("by hunte", "by hunte"),
            ("", ""),
        ] {
            assert_eq!(secrets.hide_in_quote(quote), told);
        }
    }

    #[test]
    fn old_ones_are_forgotten_in_the_end() {
        let secrets = Secrets::default();
        for n in 0..=MOST {
            secrets.add(&format!("secret{n:03}"));
        }
        assert_eq!(secrets.hide("secret000 secret001"), "secret000 (hidden)");
    }

    #[test]
    fn an_error_loses_its_secrets_and_nothing_else() {
        let secrets = Secrets::default();
        secrets.add("hunter2");
        let after = std::time::Duration::from_secs(3);
        let cause = Error::new(ErrorKind::NotSent, "hunter2 is wrong");
        let error = Error::new(ErrorKind::ConnectFailed, "refused")
            .with_retry_after(after)
            .persistent()
            .with_source(cause);
        let scrubbed = secrets.scrub(error);
        assert_eq!(scrubbed.chain(), "refused: (hidden) is wrong");
        assert_eq!(scrubbed.kind(), ErrorKind::ConnectFailed);
        assert_eq!(scrubbed.retry(), Retry::Never);
        assert_eq!(scrubbed.retry_after(), Some(after));
        assert!(!format!("{scrubbed:?}").contains("hunter2"));
    }
}
