//! One link or small script per program, so that tests need not know where and how it is
//! installed.

use std::{fs, io, path::Path};

/// What a program runs on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Runs {
    /// A script for Node, below the folder of its part.
    OnNode(&'static str),
    /// A program of its own, below the folder of its part.
    Itself(&'static str),
}

/// Where Node is found, once its part is installed: a link in that part's folder.
pub(super) const NODE_HOME: &str = "node/home";

/// Makes the launcher of a program that the part in `part` has brought.
pub(super) fn make(folder: &Path, part: &str, name: &str, runs: Runs) -> io::Result<()> {
    let launcher = folder.join("bin").join(name);
    match runs {
        // Not by a shell, whose start is a third of that of the lightest server.
        Runs::Itself(program) => link(&folder.join(part).join(program), &launcher),
        Runs::OnNode(script) => {
            fs::write(&launcher, on_node(folder, &folder.join(part).join(script)))?;
            make_executable(&launcher)
        }
    }
}

/// It becomes the program, so that nothing stands between that and who started it.
fn on_node(folder: &Path, script: &Path) -> String {
    let node = folder.join(NODE_HOME).join("bin");
    format!(
        "#!/bin/sh\nPATH={}:\"$PATH\" exec {} {} \"$@\"\n",
        quoted(&node),
        quoted(&node.join("node")),
        quoted(script),
    )
}

/// As one word of the shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

#[cfg(unix)]
fn link(program: &Path, launcher: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(program, launcher)
}

#[cfg(not(unix))]
fn link(program: &Path, launcher: &Path) -> io::Result<()> {
    fs::copy(program, launcher).map(drop)
}

#[cfg(unix)]
fn make_executable(file: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_becomes_its_program() {
        let script = on_node(Path::new("it's"), Path::new("it's/servers/a.js"));
        assert_eq!(
            script,
            "#!/bin/sh\nPATH='it'\\''s/node/home/bin':\"$PATH\" \
             exec 'it'\\''s/node/home/bin/node' 'it'\\''s/servers/a.js' \"$@\"\n"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_program_of_its_own_is_started_without_a_shell() {
        let folder = std::env::temp_dir().join(format!("xtask-{}", std::process::id()));
        fs::create_dir_all(folder.join("bin")).unwrap();
        let made = make(&folder, "part", "name", Runs::Itself("program"));
        let leads_to = fs::read_link(folder.join("bin/name"));
        fs::remove_dir_all(&folder).unwrap();
        made.unwrap();
        assert_eq!(leads_to.unwrap(), folder.join("part/program"));
    }
}
