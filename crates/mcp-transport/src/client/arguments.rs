//! What a call takes along: JSON, or what becomes JSON.

use std::fmt;

use mcp_domain::{Error, ErrorKind};
use serde::Serialize;
use serde_json::{Map, Value};

/// What can be the arguments of a call: anything that serialises to a JSON object, or to
/// `null` for none.
///
/// What serialises is written into JSON, also where it is JSON already: a serialiser only
/// borrows. [`Arguments`] are moved.
pub trait IntoArguments {
    /// The arguments of a call of `subject`.
    #[doc(hidden)]
    fn into_object(self, subject: &str) -> Result<Option<Map<String, Value>>, Error>;
}

impl<T: Serialize> IntoArguments for T {
    fn into_object(self, subject: &str) -> Result<Option<Map<String, Value>>, Error> {
        let wrong = |what: String| {
            let message = format!("the arguments of `{subject}` must be a JSON object, not {what}");
            Error::new(ErrorKind::InvalidInput, message)
        };
        match serde_json::to_value(self) {
            Ok(Value::Object(object)) => Ok(Some(object)),
            Ok(Value::Null) => Ok(None),
            Ok(value) => Err(wrong(value.to_string())),
            Err(error) => {
                Err(wrong("something that JSON cannot hold".to_owned()).with_source(error))
            }
        }
    }
}

/// Arguments that are a JSON object already, and are handed over without a copy.
///
/// ```no_run
/// use mcp_transport::{Arguments, Client};
/// use serde_json::{Map, Value};
///
/// # async fn example(client: &Client, arguments: Map<String, Value>) -> Result<(), mcp_domain::Error> {
/// client.call_tool("write_file", Arguments::from(arguments)).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct Arguments(Map<String, Value>);

impl From<Map<String, Value>> for Arguments {
    fn from(object: Map<String, Value>) -> Self {
        Self(object)
    }
}

impl IntoArguments for Arguments {
    fn into_object(self, _: &str) -> Result<Option<Map<String, Value>>, Error> {
        Ok(Some(self.0))
    }
}

impl fmt::Debug for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not their values: they are the caller's.
        f.debug_set().entries(self.0.keys()).finish()
    }
}
