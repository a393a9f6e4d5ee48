//! One small script per program, so that tests need not know where and how it is installed.

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

/// Writes the launcher of a program that the part in `part` has brought.
pub(super) fn write(folder: &Path, part: &str, name: &str, runs: Runs) -> io::Result<()> {
    let launcher = folder.join("bin").join(name);
    fs::write(&launcher, script(folder, part, runs))?;
    make_executable(&launcher)
}

/// It becomes the program, so that nothing stands between that and who started it.
fn script(folder: &Path, part: &str, runs: Runs) -> String {
    let node = folder.join(NODE_HOME).join("bin");
    let part = folder.join(part);
    match runs {
        Runs::Itself(program) => {
            let program = part.join(program);
            format!("#!/bin/sh\nexec {} \"$@\"\n", quoted(&program))
        }
        Runs::OnNode(script) => {
            let script = part.join(script);
            format!(
                "#!/bin/sh\nPATH={}:\"$PATH\" exec {} {} \"$@\"\n",
                quoted(&node),
                quoted(&node.join("node")),
                quoted(&script),
            )
        }
    }
}

/// As one word of the shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
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
    fn a_launcher_becomes_its_program() {
        let folder = Path::new("it's");
        let itself = script(folder, "mcp-1", Runs::Itself("bin/postgres"));
        assert_eq!(
            itself,
            "#!/bin/sh\nexec 'it'\\''s/mcp-1/bin/postgres' \"$@\"\n"
        );
        let on_node = script(Path::new("t"), "servers", Runs::OnNode("a.js"));
        assert_eq!(
            on_node,
            "#!/bin/sh\nPATH='t/node/home/bin':\"$PATH\" \
             exec 't/node/home/bin/node' 't/servers/a.js' \"$@\"\n"
        );
    }
}
