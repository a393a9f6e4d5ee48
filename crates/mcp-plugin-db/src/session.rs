//! A connection to a database server, with the dialect that it speaks.

use std::sync::Arc;

use mcp_domain::{Connection, Connector, Error, Scope};
use mcp_transport::{Client, ClientConnector, ToolResult};

use crate::{
    ServerFacts,
    dialect::{Call, Dialect, DialectChoice, Next, Recogniser, Request, judge},
    listing::{Epoch, Listening},
};

/// Opens sessions with one database server, and finds out once which dialect it speaks.
///
/// Made by the plugin. Its name is for those who share one pool among plugins:
/// `Pool<SessionConnector>`.
#[derive(Clone, Debug)]
pub struct SessionConnector {
    connector: ClientConnector,
    recogniser: Arc<Recogniser>,
    /// Of what was listed; none where nothing is kept.
    epoch: Option<Epoch>,
}

impl SessionConnector {
    pub(crate) fn new(connector: ClientConnector, choice: DialectChoice) -> Self {
        Self {
            connector,
            recogniser: Arc::new(Recogniser::new(choice)),
            epoch: None,
        }
    }

    /// Ends this epoch when servers tell that their lists have changed.
    pub(crate) fn ending(mut self, epoch: Epoch) -> Self {
        self.epoch = Some(epoch);
        self
    }
}

impl Connector for SessionConnector {
    type Connection = Session;

    async fn connect(&self, scope: &Scope) -> Result<Session, Error> {
        let client = self.connector.connect(scope).await?;
        let dialect = self.recogniser.recognise(&client).await?;
        let listening = match &self.epoch {
            Some(epoch) => epoch.end_with_changes(&client).await,
            None => None,
        };
        Ok(Session {
            client,
            dialect,
            _listening: listening,
        })
    }
}

/// An open session with a database server.
#[derive(Debug)]
pub struct Session {
    pub(crate) client: Client,
    /// A server that is no database server can still have resources.
    dialect: Result<Arc<dyn Dialect>, Error>,
    _listening: Option<Listening>,
}

impl Session {
    /// Runs one operation as the calls that the dialect makes of it.
    ///
    /// What the dialect says of the answers is within: that they cannot be read is no
    /// reason to mistrust the connection on which they came, or to ask again.
    ///
    /// # Errors
    ///
    /// `Unsupported` if the dialect has no such operation, or the server is none that
    /// is known; `ToolFailed` with the database's words; connection failures.
    pub(crate) async fn ask<T>(
        &self,
        request: impl Fn(&dyn Dialect) -> Result<Request<T>, Error>,
    ) -> Result<Result<T, Error>, Error> {
        let dialect = self.dialect.as_deref().map_err(Clone::clone)?;
        let request = request(dialect)?;
        let mut answers = vec![self.call(dialect, request.first()).await?];
        loop {
            match request.next(&answers) {
                Ok(Next::Done(result)) => return Ok(Ok(result)),
                Ok(Next::Call(call)) => answers.push(self.call(dialect, &call).await?),
                Err(unreadable) => return Ok(Err(unreadable)),
            }
        }
    }

    /// Asks for a sign of life; tells what the server is.
    pub(crate) async fn facts(&self) -> Result<ServerFacts, Error> {
        self.client.ping().await?;
        let server = self.client.server();
        Ok(ServerFacts {
            name: server.name.clone(),
            version: server.version.clone(),
            revision: server.revision.clone(),
            dialect: self.dialect.as_ref().ok().map(|d| d.name().to_owned()),
        })
    }

    async fn call(&self, dialect: &dyn Dialect, call: &Call) -> Result<ToolResult, Error> {
        let answer = self.client.call_tool_raw(&call.tool, &call.arguments).await;
        judge(dialect, &call.tool, answer)
    }
}

impl Connection for Session {
    fn is_open(&self) -> bool {
        self.client.is_open()
    }

    /// Database servers keep nothing for a session that a statement could see.
    fn is_stateless(&self) -> bool {
        self.dialect.is_ok() || self.client.is_stateless()
    }

    fn max_in_flight(&self) -> usize {
        match &self.dialect {
            Ok(dialect) => dialect.max_in_flight(),
            Err(_) => self.client.max_in_flight(),
        }
    }

    async fn ping(&self) -> Result<(), Error> {
        self.client.ping().await
    }

    async fn close(&self) -> Result<(), Error> {
        self.client.close().await
    }
}
