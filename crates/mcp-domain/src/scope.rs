//! Whom a session belongs to.

use std::{fmt, sync::Arc};

/// Whom a session belongs to: a tenant, a user, a conversation.
///
/// The caller chooses it; it stays the same while tokens rotate. Sessions are
/// never shared across scopes. The default is one scope for the whole process.
/// The name shows in logs and errors: use an identifier, never a credential.
///
/// ```
/// use mcp_domain::Scope;
///
/// assert_ne!(Scope::new("user:42"), Scope::default());
/// assert_eq!(Scope::default().to_string(), "process");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scope(Option<Arc<str>>);

impl Scope {
    /// The scope of this name.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(Some(name.into()))
    }

    /// The name; `None` for the process-wide scope.
    pub fn name(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().unwrap_or("process"))
    }
}
