//! What a person means by a word or a line that is to reach a server.
//!
//! Strict: what could mean two things is an error that says so. The types of
//! [`mcp_domain::Target`] say the same without any guess.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::Read as _,
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
    path::{Component, Path},
};

use mcp_domain::{CommandTarget, Error, ErrorKind, HttpTarget, Target};

use crate::ServersFile;

/// Finds out how a server is reached from what a person would write.
///
/// | written | understood |
/// | --- | --- |
/// | `https://host/mcp` | Streamable HTTP |
/// | `http+unix://%2Frun%2Fmcp.sock/mcp` | Streamable HTTP at a Unix socket, whose path stands for the host |
/// | `unix:/run/mcp.sock` | a Unix socket that takes one JSON message a line |
/// | `server.py --flag`, `server.js` | a script, by its own `#!` line if it is executable, else by `python3` or `node` |
/// | `servers.json` | the only server of an `mcpServers` file ([`ServersFile`] if there are several) |
/// | `DEBUG=1 server --db 'my shop.db'` | a command line, quoted as for a shell, with variables of its environment before it |
///
/// Of a command line only its words are looked at; whether the program exists is seen
/// when it is started. Scripts and `mcpServers` files must exist.
///
/// # Errors
///
/// `InvalidInput`, with what was understood: another kind of URL, an address without
/// `http://`, a script that is not there, a quote that does not end, a pipe or whatever else
/// needs a shell.
pub fn infer(text: &str) -> Result<Target, Error> {
    let text = text.trim();
    if text.is_empty() {
        return Err(wrong(
            "the server is empty; it must be a URL or a command".to_owned(),
        ));
    }
    if let Some((scheme, rest)) = scheme(text) {
        return of_url(text, scheme, rest);
    }
    if let Some(socket) = text.strip_prefix("unix:") {
        return of_socket(socket);
    }
    if let Some(rest) = text
        .strip_prefix("http:")
        .or_else(|| text.strip_prefix("https:"))
    {
        let scheme = &text[..text.len() - rest.len()];
        return Err(wrong(format!(
            "a URL must begin with `{scheme}//`, not with `{scheme}` alone"
        )));
    }
    let mut words = shell_words::split(text).map_err(|error| {
        wrong("the command line of the server has a quote that does not end".to_owned())
            .with_source(error)
    })?;
    if let Some(word) = words
        .iter()
        .find(|word| FOR_A_SHELL.contains(&word.as_str()))
    {
        return Err(wrong(format!(
            "`{word}` in the command line of the server is for a shell, and it is run without \
             one; write it as `sh -c '…'`"
        )));
    }
    let variables = words.iter().take_while(|word| assignment(word).is_some());
    let variables = variables.count();
    let args = words.split_off((variables + 1).min(words.len()));
    let Some(program) = (words.len() > variables).then(|| words.remove(variables)) else {
        return Err(wrong(
            "the command line of the server has no program".to_owned(),
        ));
    };
    if program.is_empty() {
        return Err(wrong(
            "the command of the server is empty; it must name a program".to_owned(),
        ));
    }
    let mut target = of_program(Path::new(&program), args)?;
    let variables = words.iter().filter_map(|word| assignment(word));
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    match &mut target {
        Target::Command(command) => command.env.extend(variables),
        _ if words.is_empty() => {}
        _ => {
            return Err(wrong(format!(
                "`{program}` is no program to set variables for"
            )));
        }
    }
    Ok(target)
}

/// Words by which a shell puts programs together, and which a program would take for its own.
const FOR_A_SHELL: [&str; 11] = [
    "&",
    "&&",
    ";",
    "<",
    ">",
    ">>",
    "2>",
    "2>&1",
    "2>/dev/null",
    "|",
    "||",
];

/// Finds out what a path leads to: a script, an `mcpServers` file, a program.
pub(crate) fn of_path(path: &Path) -> Result<Target, Error> {
    if !path.exists() {
        return Err(wrong(format!("there is no file `{}`", path.display())));
    }
    of_program(path, Vec::new())
}

/// The scheme of a URL, and what follows `://`.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let mut chars = scheme.chars();
    let begins = chars.next().is_some_and(|c| c.is_ascii_alphabetic());
    let goes_on = chars.all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    (begins && goes_on).then_some((scheme, rest))
}

fn of_url(text: &str, scheme: &str, rest: &str) -> Result<Target, Error> {
    let shown = HttpTarget {
        url: text.to_owned(),
        ..HttpTarget::default()
    };
    if text.contains(char::is_whitespace) {
        return Err(wrong(format!(
            "a URL with blanks in it cannot be a server; it begins with `{scheme}://`"
        )));
    }
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => Ok(Target::Http(shown)),
        "http+unix" => {
            let (socket, endpoint) = match rest.find('/') {
                Some(slash) => rest.split_at(slash),
                None => (rest, "/"),
            };
            match percent_decoded(socket).filter(|socket| !socket.is_empty()) {
                Some(socket) => Ok(Target::http_over_unix(socket, endpoint)),
                None => Err(wrong(
                    "the host of an `http+unix://` URL must be the path of a socket, \
                     with `%2F` for each slash"
                        .to_owned(),
                )),
            }
        }
        "unix" => of_socket(rest),
        _ => Err(wrong(format!(
            "`{shown}` is a URL of the kind `{scheme}`; a server is reached by http, https, \
             http+unix or unix"
        ))),
    }
}

fn of_socket(path: &str) -> Result<Target, Error> {
    if path.is_empty() {
        return Err(wrong(
            "`unix:` must be followed by the path of a socket".to_owned(),
        ));
    }
    Ok(Target::unix(path))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// `NAME=value`.
fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    (begins && name.chars().all(is_name)).then_some((name, value))
}

fn of_program(program: &Path, args: Vec<String>) -> Result<Target, Error> {
    let shown = program.display();
    if program.starts_with("~") {
        return Err(wrong(format!(
            "`{shown}` begins with `~`, which only a shell replaces; write the whole path"
        )));
    }
    let extension = program.extension().and_then(OsStr::to_str);
    match extension {
        Some("py") => return script(program, args, "python3"),
        Some("js" | "mjs" | "cjs") => return script(program, args, "node"),
        Some("json") if args.is_empty() => {
            return ServersFile::read(program)?.only().map(|(_, target)| target);
        }
        _ => {}
    }
    if let Some(host) = shown.to_string().split('/').next()
        && let Some((_, port)) = host.rsplit_once(':')
        && port.parse::<u16>().is_ok()
    {
        return Err(wrong(format!(
            "`{shown}` looks like an address; write `http://` or `https://` before it"
        )));
    }
    let Ok(found) = fs::metadata(program) else {
        return match looks_like_a_host(program) {
            true => Err(wrong(format!(
                "`{shown}` is no file here; if it is an address, write `https://` before it"
            ))),
            false => Ok(command(program, args)),
        };
    };
    if found.is_dir() {
        return Err(wrong(format!(
            "`{shown}` is a folder; it must be a program, a script or a file of servers"
        )));
    }
    if found.file_type().is_socket() {
        return Err(wrong(format!(
            "`{shown}` is a Unix socket; write `unix:{shown}` for JSON lines, \
             or `http+unix://` with its path for HTTP"
        )));
    }
    Ok(command(program, args))
}

fn command(program: &Path, args: Vec<String>) -> Target {
    Target::Command(CommandTarget {
        program: program.to_owned(),
        args,
        ..CommandTarget::default()
    })
}

/// `www.example.org/mcp`, as opposed to `server`, `bin/server` and `./server`.
fn looks_like_a_host(program: &Path) -> bool {
    let mut parts = program.components();
    let Some(Component::Normal(first)) = parts.next() else {
        return false;
    };
    let first = first.to_string_lossy();
    let has_inner_dot = first.trim_matches('.').contains('.');
    has_inner_dot && !first.starts_with('.') && parts.next().is_some()
}

fn script(path: &Path, args: Vec<String>, interpreter: &str) -> Result<Target, Error> {
    let shown = path.display();
    let mut file = File::open(path).map_err(|error| {
        let message = format!("`{shown}` is understood as a script, and cannot be read");
        wrong(message).with_source(error)
    })?;
    let about = file
        .metadata()
        .map_err(|error| wrong(format!("`{shown}` cannot be looked at")).with_source(error))?;
    if !about.is_file() {
        return Err(wrong(format!(
            "`{shown}` is understood as a script, and is no file"
        )));
    }
    let mut first = [0; 2];
    let knows_its_interpreter = about.permissions().mode() & 0o111 != 0
        && file.read_exact(&mut first).is_ok()
        && first == *b"#!";
    if knows_its_interpreter {
        // A name without a slash would be looked for in `PATH`.
        let here = path.components().count() == 1;
        let program = if here {
            Path::new(".").join(path)
        } else {
            path.to_owned()
        };
        return Ok(command(&program, args));
    }
    let args = [shown.to_string()].into_iter().chain(args);
    Ok(command(Path::new(interpreter), args.collect()))
}

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}

#[cfg(test)]
mod tests;
