//! The clients of others: installed from PyPI into the target directory, each with an
//! environment of its own, for their dependencies contradict each other.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::process::Command;

/// A client that is installed.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) name: &'static str,
    /// What pip is asked for.
    requirements: &'static [&'static str],
    /// The file that drives it, and what is in it.
    script: (&'static str, &'static str),
    /// What is to be known of its figures.
    pub(super) note: Option<&'static str>,
}

const DRIVER: (&str, &str) = ("driver.py", include_str!("../../peers/driver.py"));

pub(super) const PEERS: [Peer; 4] = [
    Peer {
        name: "fastmcp",
        requirements: &["fastmcp>=4,<5"],
        script: (
            "fastmcp_client.py",
            include_str!("../../peers/fastmcp_client.py"),
        ),
        note: None,
    },
    Peer {
        name: "mcp SDK",
        requirements: &["mcp>=2,<3"],
        script: ("mcp_sdk.py", include_str!("../../peers/mcp_sdk.py")),
        note: None,
    },
    Peer {
        name: "langchain-mcp-adapters",
        requirements: &["langchain-mcp-adapters>=0.3,<0.4"],
        script: (
            "langchain_adapters.py",
            include_str!("../../peers/langchain_adapters.py"),
        ),
        note: None,
    },
    Peer {
        name: "ContextForge pool",
        // The last release that has the pool.
        requirements: &["mcp-contextforge-gateway==1.0.0rc1", "mcp<2"],
        script: (
            "contextforge_pool.py",
            include_str!("../../peers/contextforge_pool.py"),
        ),
        note: Some(
            "ContextForge pool has its default settings, as ours has: 10 sessions at most, and 6. Who finds none free waits, for up to 30 s, for leave to open another one, and a session that is given back does not give it: of more than 10 callers, the first 10 go on and the others wait until they are given up. With more sessions allowed (`max_sessions_per_key`) they would be served.",
        ),
    },
];

impl Peer {
    /// Installs it, unless it is there; returns how it is started.
    ///
    /// # Errors
    ///
    /// Why it cannot be had, in the installer's words.
    pub(super) async fn install(&self) -> Result<Command, String> {
        let folder = folder()?;
        let scripts = folder.join("scripts");
        write(&scripts, DRIVER)?;
        write(&scripts, self.script)?;
        let environment = folder.join(self.script.0.trim_end_matches(".py"));
        let python = environment.join("bin").join("python");
        let wanted = self.requirements.join("\n");
        let installed = environment.join("requirements.txt");
        if fs::read_to_string(&installed).is_ok_and(|there| there == wanted) {
            return Ok(command(&python, &scripts, self.script.0));
        }
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv", "--clear"]).arg(&environment);
        run(venv).await?;
        let mut pip = Command::new(&python);
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]);
        pip.args(self.requirements);
        run(pip).await?;
        fs::write(&installed, wanted).map_err(|error| error.to_string())?;
        Ok(command(&python, &scripts, self.script.0))
    }
}

/// Beside the program that measures: `target/peers`.
fn folder() -> Result<PathBuf, String> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let target = this.parent().and_then(Path::parent).unwrap_or(&this);
    Ok(target.join("peers"))
}

fn command(python: &Path, scripts: &Path, script: &str) -> Command {
    let mut command = Command::new(python);
    command.arg(scripts.join(script));
    command
}

fn write(folder: &Path, (name, content): (&str, &str)) -> Result<(), String> {
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(folder.join(name), content));
    written.map_err(|error| format!("cannot write {name}: {error}"))
}

async fn run(mut command: Command) -> Result<(), String> {
    let output = command
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await;
    let output = output.map_err(|error| format!("cannot run python3: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let last = words.lines().rfind(|line| !line.trim().is_empty());
    Err(format!(
        "not installed: {}",
        last.unwrap_or("pip did not say why")
    ))
}
