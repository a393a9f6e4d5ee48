//! Targets as they are shown.

use super::*;

#[test]
fn credentials_show_nowhere() {
    let mut http = HttpTarget {
        url: "https://user:hunter2@example.org/mcp?token=hunter2#hunter2".into(),
        ..HttpTarget::default()
    };
    let header = ("authorization".to_owned(), "hunter2".to_owned());
    http.headers.extend([header.clone()]);
    let mut command = CommandTarget {
        program: "server".into(),
        args: vec!["postgres://user:hunter2@h/db".into()],
        ..CommandTarget::default()
    };
    command.env.insert("PASSWORD".into(), "hunter2".into());
    let unix = UnixTarget {
        socket: "/run/mcp".into(),
        speech: UnixSpeech::Http {
            endpoint: "/mcp?token=hunter2".into(),
            headers: [header].into(),
        },
    };
    let mistyped = Target::http("https//user:hunter2@example.org/mcp");
    for target in [http.into(), command.into(), unix.into(), mistyped] {
        let shown = format!("{target} {target:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn a_target_is_shown_by_what_it_is_known_for() {
    #[track_caller]
    fn check(target: &Target, expected: &str) {
        assert_eq!(target.to_string(), expected);
    }
    check(
        &Target::http("http://127.0.0.1:8000/mcp"),
        "http://127.0.0.1:8000/mcp",
    );
    check(&Target::http("http://h"), "http://h");
    check(&Target::command("npx", ["-y", "server"]), "npx");
    check(&Target::unix("/run/mcp"), "unix:/run/mcp");
    check(
        &Target::http_over_unix("/run/mcp", "/mcp"),
        "/mcp at unix:/run/mcp",
    );
}
