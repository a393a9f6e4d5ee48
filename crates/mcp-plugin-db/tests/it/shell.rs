//! The shell, as a person sees it: on a terminal (made by `script`), and in a pipe.

use std::{
    fs,
    io::{Read as _, Write as _},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::servers::{PROGRAM, shop};

/// As it is when all that belongs to it has been written.
const PROMPT: &str = "mcp-db> ";

/// The shell on a terminal of its own.
struct Terminal {
    child: Child,
    keyboard: ChildStdin,
    screen: Arc<Mutex<String>>,
    /// How much of the screen has been read.
    seen: usize,
}

impl Terminal {
    fn open(state: &Path) -> Self {
        let shop = shop().display();
        // In the place of the shell that `script` starts: some stay, hear Ctrl-C too, and
        // end with a code of their own.
        let shell = format!("exec {PROGRAM} --database '{shop}' shell");
        let mut child = Command::new("script")
            .args([
                "--quiet",
                "--flush",
                "--return",
                "--command",
                &shell,
                "/dev/null",
            ])
            .env("SHELL", "/bin/sh")
            .env("TERM", "xterm")
            .env("XDG_STATE_HOME", state)
            .env_remove("NO_COLOR")
            .env_remove("USE_MCP_POOL")
            .env_remove("MCP_DB_SERVER")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let screen = Arc::new(Mutex::new(String::new()));
        let mut output = child.stdout.take().unwrap();
        let shown = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut bytes) {
                let text = String::from_utf8_lossy(&bytes[..length]);
                shown.lock().unwrap().push_str(&text);
            }
        });
        let mut terminal = Self {
            keyboard: child.stdin.take().unwrap(),
            child,
            screen,
            seen: 0,
        };
        // The prompt is waited for by whoever types first.
        terminal.expect("\\q quits");
        terminal
    }

    /// Types a line, once there is a prompt: what is typed before may get lost.
    #[track_caller]
    fn enter(&mut self, line: &str) {
        self.expect(PROMPT);
        self.type_in(line);
        self.type_in("\r");
    }

    fn type_in(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Has this come up since what was expected before?
    fn shows(&mut self, text: &str) -> bool {
        let screen = self.screen.lock().unwrap();
        let found = screen[self.seen..].find(text);
        if let Some(at) = found {
            self.seen += at + text.len();
        }
        found.is_some()
    }

    #[track_caller]
    fn expect(&mut self, text: &str) {
        for _ in 0..4000 {
            if self.shows(text) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let screen = self.screen.lock().unwrap();
        panic!("`{text}` never came: {:?}", &screen[self.seen..]);
    }

    /// Waits for the end; gives the exit code.
    fn end(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn statements_and_commands_are_answered() {
    let state = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::open(state.path());
    terminal.enter("select 40 + 2 as sum;");
    terminal.expect("42");
    terminal.expect("1 row");
    // Over several lines.
    terminal.enter("select");
    terminal.type_in("'two' || 'words' as joined;\r");
    terminal.expect("twowords");
    terminal.enter("\\d orders");
    terminal.expect("customer_id");
    terminal.enter("\\f markdown");
    terminal.enter("select 1 as a;");
    terminal.expect("| --- |");
    terminal.enter("select nope;");
    terminal.expect("no such column: nope");
    terminal.enter("\\stats");
    terminal.expect("mcp-server-db");
    terminal.expect("| opened | 1 |");
    terminal.enter("\\x");
    terminal.expect("there is no command");
    terminal.enter("\\q");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn names_are_completed() {
    let state = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::open(state.path());
    terminal.expect(PROMPT);
    terminal.type_in("select count(*) from inven");
    // The names come in while the user types.
    for _ in 0..1000 {
        terminal.type_in("\t");
        std::thread::sleep(Duration::from_millis(10));
        if terminal.shows("inventory") {
            break;
        }
    }
    terminal.type_in(";\r");
    terminal.expect("1 row");
    terminal.expect(PROMPT);
    terminal.type_in("\u{4}");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn ctrl_c_cancels_a_statement_and_twice_quits() {
    let state = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::open(state.path());
    let endless = "with recursive n(i) as (select 1 union all select i + 1 from n) \
                   select count(*) from n;";
    terminal.enter(endless);
    terminal.expect("waiting for the server");
    terminal.type_in("\u{3}");
    terminal.expect("cancelled");
    // And goes on.
    terminal.enter("select 'still' || 'here' as word;");
    terminal.expect("stillhere");
    terminal.expect(PROMPT);
    terminal.type_in("\u{3}");
    terminal.expect("Ctrl-C again");
    terminal.expect(PROMPT);
    terminal.type_in("\u{3}");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn history_is_kept_and_secrets_are_not() {
    let state = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::open(state.path());
    terminal.enter("select 'kept' || 'twice' as word;");
    terminal.expect("kepttwice");
    // What begins with a space is not for the history.
    terminal.enter(" select 'hunter2';");
    terminal.expect("1 row");
    terminal.enter("\\q");
    assert_eq!(terminal.end(), Some(0));
    let history = fs::read_to_string(state.path().join("mcp-db/history")).unwrap();
    assert!(
        history.contains("kept") && !history.contains("hunter2"),
        "{history}"
    );

    let mut terminal = Terminal::open(state.path());
    // Up, up: beyond the command that ended the first shell.
    terminal.enter("\u{1b}[A\u{1b}[A");
    terminal.expect("kepttwice");
    terminal.enter("\\q");
    assert_eq!(terminal.end(), Some(0));
}

/// A shell that reads from a pipe and writes to one.
fn in_a_pipe() -> Command {
    let mut shell = Command::new(PROGRAM);
    shell
        .arg("--database")
        .arg(shop())
        .args(["--format", "csv", "shell"])
        .env_remove("USE_MCP_POOL")
        .env_remove("MCP_DB_SERVER")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    shell
}

/// What the shell makes of this text in a pipe: its exit code, output and errors.
fn piped(text: &str) -> (Option<i32>, String, String) {
    let mut child = in_a_pipe().stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn a_script_in_a_pipe_is_run_to_its_end() {
    let (code, output, errors) = piped("select 1 as a;\n\\f json\n\\f csv\nselect\n2 as b");
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert_eq!(output, "a\n1\nb\n2\n");
    // A failure does not stop it, and shows in the exit code.
    let (code, output, errors) = piped("select nope;\nselect 3 as c;\n\\q\nselect 4;\n");
    assert_eq!((code, output.as_str()), (Some(1), "c\n3\n"));
    assert_eq!(errors.lines().count(), 1, "{errors}");
}

#[test]
fn a_script_whose_next_line_does_not_come_can_be_stopped() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let mut child = in_a_pipe().spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(b"select 1 as a;\n").unwrap();
        let mut answer = [0; 4];
        child
            .stdout
            .take()
            .unwrap()
            .read_exact(&mut answer)
            .unwrap();
        assert_eq!(&answer, b"a\n1\n");
        let pid = child.id().to_string();
        let kill = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(kill.unwrap().success());
        // By itself: at the end of its input it would end anyway.
        let ended = (0..4000).find_map(|_| {
            std::thread::sleep(Duration::from_millis(5));
            child.try_wait().unwrap()
        });
        drop(input);
        let last = child.wait().unwrap();
        assert_eq!(ended.and_then(|status| status.code()), Some(code), "{last}");
    }
}
