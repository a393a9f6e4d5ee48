//! The commands that ask a server.

use std::{env, time::Duration};

use mcp_domain::{Error, ErrorKind, Target};
use mcp_plugin_db::{Access, DatabasePlugin, Value};
use mcp_pool::Configuration;
use mcp_transport::ClientConnector;

use crate::{
    args::{Ask, Format, ServerArgs},
    print,
};

/// How long closing may take.
const CLOSE: Duration = Duration::from_secs(10);

pub(crate) async fn run(server: &ServerArgs, format: Format, ask: Ask) -> Result<(), Error> {
    let access = Access::from_env().map_err(|error| invalid(error.to_string()))?;
    let configuration = Configuration::from_env()
        .and_then(|read| read.adjust(|settings| settings.call_timeout(server.timeout)))
        .map_err(|error| invalid(error.to_string()))?;
    let connector = ClientConnector::new(target(server)?)?.with_connect_timeout(server.timeout);
    let plugin = DatabasePlugin::builder(connector)
        .access(access)
        .configuration(Ok(configuration))
        .build();
    let result = match plugin.initialize().await {
        Ok(()) => answer(&plugin, format, ask).await,
        Err(error) => Err(error),
    };
    plugin.close(CLOSE).await;
    print::out(&result?)
}

async fn answer(plugin: &DatabasePlugin, format: Format, ask: Ask) -> Result<String, Error> {
    Ok(match ask {
        Ask::Tables => print::tables(&plugin.tables().await?, format),
        Ask::Describe { table } => print::table(&plugin.describe(&table).await?, format),
        Ask::Query { sql, parameters } => {
            let parameters: Vec<Value> = parameters.into_iter().map(parameter).collect();
            print::rows(&plugin.query(&sql, &parameters).await?, format)
        }
        Ask::Search {
            words,
            table,
            limit,
        } => print::hits(
            &plugin.search(&words, table.as_deref(), limit).await?,
            format,
        ),
        Ask::Resources => print::resources(&plugin.resources().await?, format),
        Ask::Read { uri } => print::contents(&plugin.read(&uri).await?, format),
    })
}

/// What reads as JSON is JSON, everything else is text.
fn parameter(text: String) -> Value {
    match serde_json::from_str::<serde_json::Value>(&text) {
        Ok(value) => value.into(),
        Err(_) => text.into(),
    }
}

fn target(args: &ServerArgs) -> Result<Target, Error> {
    let Some(server) = &args.server else {
        return embedded(args);
    };
    if server.contains("://") {
        return Ok(Target::http(server));
    }
    let words = shell_words::split(server)
        .map_err(|error| invalid(format!("`{server}` is not a command line: {error}")))?;
    let mut words = words.into_iter();
    match words.next() {
        Some(program) => Ok(Target::command(program, words)),
        None => Err(invalid("--server is empty".to_owned())),
    }
}

/// This very program, as a server.
fn embedded(args: &ServerArgs) -> Result<Target, Error> {
    let program = env::current_exe()
        .map_err(|error| invalid("cannot find this program".to_owned()).with_source(error))?;
    let mut words = vec!["serve".to_owned()];
    if let Some(database) = &args.database {
        let is_address = database.to_string_lossy().contains("://");
        // The server would say so, too, but as its last words.
        if !is_address && !database.is_file() {
            let message = format!("there is no file `{}`", database.display());
            return Err(invalid(message));
        }
        words.extend(["--".to_owned(), database.display().to_string()]);
    }
    Ok(Target::command(program, words))
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}
