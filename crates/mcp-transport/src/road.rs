//! The way to a server, as far as spans tell of it.

use mcp_domain::Target;

/// The way to a server.
#[derive(Debug)]
pub(crate) struct Road {
    /// `pipe`, `tcp` or `unix`.
    pub(crate) transport: &'static str,
    pub(crate) address: Option<String>,
    pub(crate) port: Option<u16>,
}

impl Road {
    pub(crate) fn to(target: &Target) -> Self {
        match target {
            Target::Http(http) => {
                let url = reqwest::Url::parse(&http.url).ok();
                let url = url.as_ref();
                Self {
                    transport: "tcp",
                    address: url.and_then(|url| url.host_str()).map(str::to_owned),
                    port: url.and_then(reqwest::Url::port_or_known_default),
                }
            }
            Target::Unix(unix) => Self {
                transport: "unix",
                address: Some(unix.socket.display().to_string()),
                port: None,
            },
            _ => Self::default(),
        }
    }
}

impl Default for Road {
    /// To a process, or to a server in this one.
    fn default() -> Self {
        Self {
            transport: "pipe",
            address: None,
            port: None,
        }
    }
}
