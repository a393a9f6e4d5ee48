//! What changes at a server.

/// What has changed at a server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Change {
    /// The list of prompts.
    Prompts,
    /// The contents of the resource at this address.
    Resource(String),
    /// The list of resources.
    Resources,
    /// The list of tools.
    Tools,
}
