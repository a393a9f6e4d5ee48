//! What an address says of TLS.

use std::fmt;

use mcp_domain::{Error, ErrorKind};

use crate::resources::decode;

/// How much protection is wanted, as libpq has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Disable,
    /// If the server has it. Whoever is in the way can do without.
    Prefer,
    /// Whoever is in the way can still pretend to be the server.
    Require,
    /// The server has a certificate of somebody who is trusted.
    VerifyCa,
    /// And it is one for the name that it is called by.
    VerifyFull,
}

impl Mode {
    const ALL: [Self; 5] = [
        Self::Disable,
        Self::Prefer,
        Self::Require,
        Self::VerifyCa,
        Self::VerifyFull,
    ];
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        })
    }
}

/// Whose certificates are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Roots {
    System,
    File(String),
}

/// By what the client shows who it is: two files (PEM).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) certificate: String,
    pub(super) key: String,
}

/// What an address says of TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) mode: Mode,
    pub(super) roots: Roots,
    pub(super) identity: Option<Identity>,
}

/// The address without what it says of TLS, and that.
///
/// # Errors
///
/// `InvalidInput` if it says what there is not here, or what makes no sense.
pub(super) fn split(address: &str) -> Result<(String, Wanted), Error> {
    // Before that, a question mark is a part of the password.
    let host = address.find('@').map_or(0, |at| at + 1);
    let options = address[host..].find('?').map(|at| host + at);
    let (rest, options) = match options {
        Some(at) => (&address[..at], &address[at + 1..]),
        None => (address, ""),
    };
    let (mut mode, mut roots, mut certificate, mut key) = (None, None, None, None);
    let mut others = Vec::new();
    for option in options.split('&').filter(|option| !option.is_empty()) {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let value = || decode(value).unwrap_or_default();
        match name {
            "sslmode" => mode = Some(value()),
            "sslrootcert" => roots = Some(value()),
            "sslcert" => certificate = Some(value()),
            "sslkey" => key = Some(value()),
            "channel_binding" if value() != "require" => {}
            _ if name.starts_with("ssl") || name == "channel_binding" => {
                return Err(wrong(format!(
                    "`{name}` is not supported in the address of a database; of TLS, there \
                     are sslmode, sslrootcert, sslcert and sslkey"
                )));
            }
            _ => others.push(option),
        }
    }
    let mode = mode.as_deref().map(self::mode).transpose()?;
    let (mode, roots) = together(mode, roots)?;
    let identity = identity(mode, certificate, key)?;
    let address = match others.as_slice() {
        [] => rest.to_owned(),
        others => format!("{rest}?{}", others.join("&")),
    };
    let wanted = Wanted {
        mode,
        roots,
        identity,
    };
    Ok((address, wanted))
}

fn mode(word: &str) -> Result<Mode, Error> {
    let known = Mode::ALL.into_iter().find(|mode| mode.to_string() == word);
    known.ok_or_else(|| {
        let all = Mode::ALL.map(|mode| mode.to_string()).join(", ");
        wrong(format!("sslmode is `{word}`; it must be one of {all}"))
    })
}

/// As libpq: certificates that are named make `require` verify them, and the system's
/// are for `verify-full` alone, because anybody can have one of those.
fn together(mode: Option<Mode>, roots: Option<String>) -> Result<(Mode, Roots), Error> {
    let roots = match roots {
        Some(system) if system == "system" => Some(Roots::System),
        Some(path) => Some(Roots::File(path)),
        None => None,
    };
    match (mode, roots) {
        (None, Some(Roots::System)) => Ok((Mode::VerifyFull, Roots::System)),
        (Some(Mode::VerifyFull), roots) => Ok((Mode::VerifyFull, roots.unwrap_or(Roots::System))),
        (Some(Mode::VerifyCa | Mode::Require), Some(file @ Roots::File(_))) => {
            Ok((Mode::VerifyCa, file))
        }
        (Some(Mode::VerifyCa), None) => Err(wrong(
            "sslmode=verify-ca needs sslrootcert, the file of the certificates to trust; or \
             take sslmode=verify-full"
                .to_owned(),
        )),
        (mode, Some(Roots::System)) => Err(wrong(format!(
            "sslrootcert=system needs sslmode=verify-full, not {}",
            mode.unwrap_or(Mode::Prefer)
        ))),
        (None | Some(Mode::Disable | Mode::Prefer), Some(Roots::File(_))) => Err(wrong(format!(
            "sslrootcert says nothing with sslmode={}; take verify-full",
            mode.unwrap_or(Mode::Prefer)
        ))),
        (mode, None) => Ok((mode.unwrap_or(Mode::Prefer), Roots::System)),
    }
}

fn identity(
    mode: Mode,
    certificate: Option<String>,
    key: Option<String>,
) -> Result<Option<Identity>, Error> {
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) if mode == Mode::Disable => Err(wrong(
            "sslcert and sslkey say nothing with sslmode=disable".to_owned(),
        )),
        (Some(certificate), Some(key)) => Ok(Some(Identity { certificate, key })),
        (Some(_), None) => Err(wrong(
            "sslcert needs sslkey, the file of its key".to_owned(),
        )),
        (None, Some(_)) => Err(wrong(
            "sslkey needs sslcert, the file of the certificate that it is for".to_owned(),
        )),
    }
}

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn says(options: &str, mode: Mode, roots: Option<&str>) {
        let address = format!("postgres://u:p?sslmode=x@h/d?{options}");
        let (rest, wanted) = split(&address).unwrap();
        assert!(rest.starts_with("postgres://u:p?sslmode=x@h/d"), "{rest}");
        assert!(!rest[20..].contains("ssl"), "{rest}");
        assert_eq!(wanted.mode, mode, "{options}");
        let expected = roots.map_or(Roots::System, |path| Roots::File(path.to_owned()));
        assert_eq!(wanted.roots, expected, "{options}");
    }

    #[test]
    fn the_words_mean_what_they_mean_to_libpq() {
        says("", Mode::Prefer, None);
        says("connect_timeout=3", Mode::Prefer, None);
        says(
            "sslmode=disable&channel_binding=prefer",
            Mode::Disable,
            None,
        );
        says("sslmode=require", Mode::Require, None);
        says(
            "sslmode=require&sslrootcert=%2Fca",
            Mode::VerifyCa,
            Some("/ca"),
        );
        says(
            "sslrootcert=ca&sslmode=verify-ca",
            Mode::VerifyCa,
            Some("ca"),
        );
        says("sslmode=verify-full", Mode::VerifyFull, None);
        says(
            "sslmode=verify-full&sslrootcert=ca",
            Mode::VerifyFull,
            Some("ca"),
        );
        says("sslrootcert=system", Mode::VerifyFull, None);
    }

    #[test]
    fn the_rest_of_the_address_is_the_drivers() {
        let address = "postgres://h/d?a=1&sslmode=disable&b=2";
        assert_eq!(split(address).unwrap().0, "postgres://h/d?a=1&b=2");
        for whole in ["postgres://h/d", "postgres://u:p?x@h", "postgres://h?a=1"] {
            assert_eq!(split(whole).unwrap().0, whole);
        }
    }

    #[test]
    fn what_there_is_not_is_refused_by_name() {
        for (options, named) in [
            ("sslmode=allow", "`allow`"),
            ("sslmode=", "verify-full"),
            ("sslcert=me.crt", "sslcert needs sslkey"),
            ("sslkey=me.key", "sslkey needs sslcert"),
            ("sslmode=disable&sslcert=a&sslkey=b", "sslmode=disable"),
            ("sslpassword=secret", "`sslpassword` is not supported"),
            ("sslnegotiation=direct", "sslnegotiation"),
            ("channel_binding=require", "channel_binding"),
            ("sslmode=verify-ca", "needs sslrootcert"),
            ("sslmode=require&sslrootcert=system", "not require"),
            ("sslrootcert=ca", "sslmode=prefer"),
            ("sslmode=disable&sslrootcert=ca", "sslmode=disable"),
        ] {
            let error = split(&format!("postgres://u:secret@h/d?{options}")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            let text = error.to_string();
            assert!(text.contains(named) && !text.contains("secret"), "{text}");
        }
    }
}
