//! Runs cargo and other programs.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

/// A cargo command at the root of the workspace.
pub(crate) fn command() -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    at_root(cargo)
}

/// A command at the root of the workspace.
pub(crate) fn at_root(program: impl Into<OsString>) -> Command {
    let mut command = Command::new(program.into());
    command.current_dir(root());
    command
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let shown = shown(command);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{shown}` failed with {status}")),
        Err(error) => Err(format!("cannot run `{shown}`: {error}")),
    }
}

/// Runs a command to its end in place of this program, and does not come back: whoever ends
/// this one ends it, and waits for what it still has to end itself.
pub(crate) fn exec(command: &mut Command) -> Result<(), String> {
    #[cfg(unix)]
    {
        let error = std::os::unix::process::CommandExt::exec(command);
        Err(format!("cannot run `{}`: {error}", shown(command)))
    }
    #[cfg(not(unix))]
    run(command)
}

/// Where cargo puts what it builds.
pub(crate) fn target_directory() -> Result<PathBuf, String> {
    let mut metadata = command();
    metadata.args(["metadata", "--format-version=1", "--no-deps"]);
    let metadata = json(&mut metadata)?;
    let target = metadata["target_directory"].as_str();
    Ok(target.map_or_else(|| root().join("target"), PathBuf::from))
}

/// Is this subcommand installed?
pub(crate) fn has(subcommand: &str) -> bool {
    let mut command = command();
    command.args([subcommand, "--version"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// What a command prints.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>, String> {
    let shown = shown(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run `{shown}`: {error}"))?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(format!("`{shown}` failed with {}", output.status))
    }
}

/// What a command prints, as JSON.
pub(crate) fn json(command: &mut Command) -> Result<Value, String> {
    let printed = output(command)?;
    let shown = shown(command);
    serde_json::from_slice(&printed)
        .map_err(|error| format!("`{shown}` printed something else than JSON: {error}"))
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let words = std::iter::once(name).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}
