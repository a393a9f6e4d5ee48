//! Which server to ask, and how.

use std::env;

use mcp_domain::{CommandTarget, Error, ErrorKind, Target};
use mcp_plugin_db::{Access, DatabasePlugin, DialectChoice};
use mcp_pool::Configuration;
use mcp_server_db::{DatabaseServer, Options};
use mcp_transport::{ClientConnector, ServersFile, infer};

use crate::args::ServerArgs;

/// The variable with the token for `--server`.
pub(crate) const TOKEN: &str = "MCP_DB_SERVER_TOKEN";

/// The plugin for the server that the arguments name. Opens nothing.
pub(crate) fn plugin(args: &ServerArgs, access: Access) -> Result<DatabasePlugin, Error> {
    let dialect = match &args.dialect {
        Some(name) => DialectChoice::named(name)?,
        None => DialectChoice::default(),
    };
    let configuration = Configuration::from_env()
        .and_then(|read| read.adjust(|settings| settings.call_timeout(args.timeout)))
        .map_err(|error| invalid(error.to_string()))?;
    let connector = ClientConnector::new(target(args)?)?.with_connect_timeout(args.timeout);
    let mut plugin = DatabasePlugin::builder(connector)
        .access(access)
        .dialect(dialect)
        .configuration(Ok(configuration));
    if let (Some(_), Some(name)) = (&args.config, &args.server) {
        plugin = plugin.name(name);
    }
    Ok(plugin.build())
}

/// Direct or pooled, as the environment says, else this.
pub(crate) fn access(otherwise: Access) -> Result<Access, Error> {
    if env::var_os(Access::FLAG).is_none_or(|flag| flag.is_empty()) {
        return Ok(otherwise);
    }
    Access::from_env().map_err(|error| invalid(error.to_string()))
}

fn target(args: &ServerArgs) -> Result<Target, Error> {
    match (&args.config, &args.server) {
        (Some(file), Some(name)) => ServersFile::read(file)?.target(name),
        // The only one of the file.
        (Some(file), None) => only(&ServersFile::read(file)?),
        (None, Some(server)) => infer(server).map(with_token),
        (None, None) => embedded(args),
    }
}

/// The same, with the token that the environment has for it. A command finds it there itself.
fn with_token(mut target: Target) -> Target {
    let token = env::var(TOKEN).ok().filter(|token| !token.is_empty());
    if let (Target::Http(http), Some(token)) = (&mut target, token) {
        let value = format!("Bearer {token}");
        http.headers.insert("authorization".to_owned(), value);
    }
    target
}

fn only(file: &ServersFile) -> Result<Target, Error> {
    let names: Vec<&str> = file.names().collect();
    match names.as_slice() {
        [name] => file.target(name),
        names => {
            let names = names.join(", ");
            let message = format!("--server must name one of the servers of the file: {names}");
            Err(invalid(message))
        }
    }
}

/// This very program, as a server.
fn embedded(args: &ServerArgs) -> Result<Target, Error> {
    let program = env::current_exe()
        .map_err(|error| invalid("cannot find this program".to_owned()).with_source(error))?;
    let mut target = CommandTarget {
        program,
        args: vec!["serve".to_owned()],
        ..CommandTarget::default()
    };
    if let Some(database) = &args.database {
        let address = database.display().to_string();
        // The server would say what is wrong with it, too, but as its last words.
        DatabaseServer::open(&address, &Options::default())?;
        if address.contains("://") {
            // It may hold a password, which arguments show to everybody.
            target.env.insert("MCP_DB_DATABASE".to_owned(), address);
        } else {
            target.args.extend(["--".to_owned(), address]);
        }
    }
    Ok(Target::Command(target))
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}
