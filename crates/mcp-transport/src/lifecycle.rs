//! How a connection begins, and the memory of how it did.

use std::sync::atomic::{AtomicU8, Ordering};

use rmcp::{model::ProtocolVersion, service::ClientLifecycleMode};

mod ladder;
mod lenient;

pub(crate) use self::{
    ladder::{Failed, climb, rungs},
    lenient::Lenient,
};

/// How a connection to a server begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lifecycle {
    /// Found out with the first connect, and remembered: `server/discover`, and
    /// where the server does not know that, `initialize`.
    #[default]
    Auto,
    /// `server/discover`, without a session: revision 2026-07-28.
    Discover,
    /// The `initialize` handshake: revisions 2024-11-05 to 2025-11-25.
    Initialize,
}

impl Lifecycle {
    /// What the SDK calls it.
    pub(crate) fn mode(self) -> ClientLifecycleMode {
        let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
        match self {
            Self::Auto => ClientLifecycleMode::Auto {
                preferred_versions,
                legacy_version: Some(ProtocolVersion::LATEST_WITH_INITIALIZE),
            },
            Self::Discover => ClientLifecycleMode::Discover { preferred_versions },
            Self::Initialize => ClientLifecycleMode::Initialize,
        }
    }

    /// The one that leads to this revision.
    pub(crate) fn of(revision: &ProtocolVersion) -> Self {
        if revision.has_initialize() {
            Self::Initialize
        } else {
            Self::Discover
        }
    }
}

/// What a server was found to speak.
#[derive(Debug, Default)]
pub(crate) struct Memory(AtomicU8);

impl Memory {
    pub(crate) fn recall(&self) -> Option<Lifecycle> {
        match self.0.load(Ordering::Relaxed) {
            1 => Some(Lifecycle::Discover),
            2 => Some(Lifecycle::Initialize),
            _ => None,
        }
    }

    pub(crate) fn keep(&self, lifecycle: Lifecycle) {
        let code = match lifecycle {
            Lifecycle::Auto => 0,
            Lifecycle::Discover => 1,
            Lifecycle::Initialize => 2,
        };
        self.0.store(code, Ordering::Relaxed);
    }
}
