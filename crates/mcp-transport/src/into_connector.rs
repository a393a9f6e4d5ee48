//! What can be connected to.

use std::path::{Path, PathBuf};

use mcp_domain::{CommandTarget, Error, HttpTarget, Target, UnixTarget};

use crate::{ClientConnector, infer};

/// What leads to a server: a [`Target`], a text or a path to [infer](crate::infer()) one
/// from, or a connector that is made already.
pub trait IntoConnector {
    /// The connector for that server.
    ///
    /// # Errors
    ///
    /// As [`infer`](crate::infer()) and [`ClientConnector::new`].
    fn into_connector(self) -> Result<ClientConnector, Error>;
}

impl IntoConnector for ClientConnector {
    fn into_connector(self) -> Result<ClientConnector, Error> {
        Ok(self)
    }
}

impl IntoConnector for &ClientConnector {
    fn into_connector(self) -> Result<ClientConnector, Error> {
        Ok(self.clone())
    }
}

impl IntoConnector for Target {
    fn into_connector(self) -> Result<ClientConnector, Error> {
        ClientConnector::new(self)
    }
}

impl IntoConnector for &Target {
    fn into_connector(self) -> Result<ClientConnector, Error> {
        ClientConnector::new(self.clone())
    }
}

impl IntoConnector for CommandTarget {
    fn into_connector(self) -> Result<ClientConnector, Error> {
        ClientConnector::new(self.into())
    }
}

impl IntoConnector for HttpTarget {
    fn into_connector(self) -> Result<ClientConnector, Error> {
        ClientConnector::new(self.into())
    }
}

impl IntoConnector for UnixTarget {
    fn into_connector(self) -> Result<ClientConnector, Error> {
        ClientConnector::new(self.into())
    }
}

impl IntoConnector for &str {
    fn into_connector(self) -> Result<ClientConnector, Error> {
        ClientConnector::new(infer(self)?)
    }
}

impl IntoConnector for &String {
    fn into_connector(self) -> Result<ClientConnector, Error> {
        self.as_str().into_connector()
    }
}

impl IntoConnector for String {
    fn into_connector(self) -> Result<ClientConnector, Error> {
        self.as_str().into_connector()
    }
}

impl IntoConnector for &Path {
    fn into_connector(self) -> Result<ClientConnector, Error> {
        ClientConnector::new(infer::of_path(self)?)
    }
}

impl IntoConnector for PathBuf {
    fn into_connector(self) -> Result<ClientConnector, Error> {
        self.as_path().into_connector()
    }
}
