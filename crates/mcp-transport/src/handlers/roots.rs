//! Folders that a server may work in.

use rmcp::model as wire;

/// A folder, or another place, that a server may work in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Root {
    /// Where it is: an address that begins with `file://`.
    pub uri: String,
    /// What people call it.
    pub name: Option<String>,
}

impl Root {
    /// A root at this address.
    pub fn new(uri: impl Into<String>) -> Self {
        Self {
            uri: uri.into(),
            name: None,
        }
    }

    /// What people call it.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

#[expect(
    deprecated,
    reason = "deprecated with 2026-07-28, and all that earlier servers know"
)]
impl From<&Root> for wire::Root {
    fn from(root: &Root) -> Self {
        let mut wire = Self::new(&root.uri);
        wire.name.clone_from(&root.name);
        wire
    }
}
