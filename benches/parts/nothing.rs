//! Connections that do nothing, for every pool that is measured.

use mcp_domain::{Connection, Connector, Error, Scope};

/// A connection that is always fine, to a server that is always there.
#[derive(Debug)]
pub(crate) struct Nothing;

impl Connection for Nothing {
    fn is_open(&self) -> bool {
        true
    }

    async fn ping(&self) -> Result<(), Error> {
        Ok(())
    }

    async fn close(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// Opens them, for every pool alike.
#[derive(Debug)]
pub(crate) struct Opener;

impl Connector for Opener {
    type Connection = Nothing;

    async fn connect(&self, _: &Scope) -> Result<Nothing, Error> {
        Ok(Nothing)
    }
}

impl deadpool::managed::Manager for Opener {
    type Type = Nothing;
    type Error = Error;

    async fn create(&self) -> Result<Nothing, Error> {
        Ok(Nothing)
    }

    async fn recycle(
        &self,
        _: &mut Nothing,
        _: &deadpool::managed::Metrics,
    ) -> deadpool::managed::RecycleResult<Error> {
        Ok(())
    }
}

impl bb8::ManageConnection for Opener {
    type Connection = Nothing;
    type Error = Error;

    async fn connect(&self) -> Result<Nothing, Error> {
        Ok(Nothing)
    }

    async fn is_valid(&self, _: &mut Nothing) -> Result<(), Error> {
        Ok(())
    }

    fn has_broken(&self, _: &mut Nothing) -> bool {
        false
    }
}

#[mobc::async_trait]
impl mobc::Manager for Opener {
    type Connection = Nothing;
    type Error = Error;

    async fn connect(&self) -> Result<Nothing, Error> {
        Ok(Nothing)
    }

    async fn check(&self, connection: Nothing) -> Result<Nothing, Error> {
        Ok(connection)
    }
}
