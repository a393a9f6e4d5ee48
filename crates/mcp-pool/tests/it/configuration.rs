//! Settings from files and the environment: what wins, and what is refused.

use std::fs;

use mcp_pool::{Configuration, ConfigurationBuilder, Pool, Setting, Settings, SettingsError};
use tempfile::TempDir;

use crate::fake::{FakeConnector, seconds};

/// Files in a folder of their own.
struct Files(TempDir);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn builder(&self, name: &str) -> ConfigurationBuilder {
        Configuration::builder().file(self.path(name))
    }
}

#[track_caller]
fn refused(variables: &[(&str, &str)], expected: &str) {
    let error = Configuration::builder()
        .variables(variables.iter().copied())
        .build()
        .unwrap_err();
    assert_eq!(error.to_string(), expected);
}

/// What `text` is refused with in a TOML file, where `{}` stands for its path.
#[track_caller]
fn refused_in_file(text: &str, expected: &str) {
    let files = Files::new(&[("pool.toml", text)]);
    let error = files.builder("pool.toml").build().unwrap_err();
    assert_eq!(
        error.to_string(),
        expected.replace("{}", &files.path("pool.toml"))
    );
}

#[test]
fn without_files_and_variables_all_is_as_by_default() {
    let variables = [("PATH", "/bin"), ("USE_MCP_POOL", "true")];
    let read = Configuration::builder().variables(variables).build();
    assert_eq!(read.unwrap(), Configuration::default());
    assert_eq!(Configuration::default().pool(), Settings::default());
}

#[test]
fn code_wins_over_the_environment_and_that_over_files_and_those_over_defaults() {
    let files = Files::new(&[
        (
            "one.toml",
            "max_connections = 2\nidle_timeout = 20\ncall_timeout = '2s'\ncheck_timeout = 2",
        ),
        (
            "two.yaml",
            "idle_timeout: 30\ncall_timeout: 3s\ncheck_timeout: 3\n",
        ),
    ]);
    let configuration = files
        .builder("one.toml")
        .file(files.path("two.yaml"))
        .variables([
            ("MCP_POOL_CALL_TIMEOUT", "40"),
            ("MCP_POOL_CHECK_TIMEOUT", "4"),
        ])
        .build()
        .unwrap()
        .adjust(|settings| settings.check_timeout(seconds(5)))
        .unwrap();
    let expected = Settings::builder()
        .max_connections(2)
        .idle_timeout(seconds(30))
        .call_timeout(seconds(40))
        .check_timeout(seconds(5));
    assert_eq!(configuration.pool(), expected.build().unwrap());
}

#[test]
fn toml_yaml_and_json_say_the_same() {
    let files = Files::new(&[
        (
            "a.toml",
            "min_connections = 2\nidle_timeout = 'off'\nsharing = 'shared'\ndrain_timeout = 0.5\nlazy_initialization = false\n[servers.shop]\nmax_connections = 3\n",
        ),
        (
            "a.yaml",
            "min_connections: 2\nidle_timeout: 'off'\nsharing: shared\ndrain_timeout: 0.5\nlazy_initialization: false\nservers:\n  shop:\n    max_connections: 3\n",
        ),
        (
            "a.json",
            r#"{"min_connections": 2, "idle_timeout": "off", "sharing": "shared", "drain_timeout": 0.5, "lazy_initialization": false, "servers": {"shop": {"max_connections": 3}}}"#,
        ),
    ]);
    let toml = files.builder("a.toml").build().unwrap();
    assert_eq!(toml.servers().collect::<Vec<_>>(), ["shop"]);
    assert_ne!(toml.pool(), Settings::default());
    assert_eq!(files.builder("a.yaml").build().unwrap(), toml);
    assert_eq!(files.builder("a.json").build().unwrap(), toml);
}

#[test]
fn a_variable_names_a_file_that_lies_above_the_others_and_below_the_environment() {
    let files = Files::new(&[
        (
            "code.toml",
            "max_connections = 2\nmin_connections = 0\nretry_attempts = 2",
        ),
        ("named.toml", "max_connections = 3\nretry_attempts = 3"),
    ]);
    let configuration = files
        .builder("code.toml")
        .variables([
            (
                Configuration::FILE_VARIABLE,
                files.path("named.toml").as_str(),
            ),
            ("MCP_POOL_RETRY_ATTEMPTS", "4"),
        ])
        .build()
        .unwrap();
    let expected = Settings::builder()
        .min_connections(0)
        .max_connections(3)
        .retry_attempts(4);
    assert_eq!(configuration.pool(), expected.build().unwrap());
}

/// What is nearer to the server wins: its section over the pool's settings, wherever these come from.
#[test]
fn a_server_has_what_its_section_says_and_all_else_of_the_pool() {
    let files = Files::new(&[(
        "pool.toml",
        "max_connections = 2\n[servers.shop]\nmax_connections = 9\n[servers.\"my shop.eu\"]\ncall_timeout = 1",
    )]);
    let configuration = files
        .builder("pool.toml")
        .variables([
            ("MCP_POOL_MAX_CONNECTIONS", "3"),
            ("MCP_POOL_CHECK_TIMEOUT", "1"),
        ])
        .build()
        .unwrap();
    let pool = Settings::builder().check_timeout(seconds(1));
    let max = |count| pool.clone().max_connections(count);
    assert_eq!(configuration.server("shop"), max(9).build().unwrap());
    let eu = max(3).call_timeout(seconds(1)).build().unwrap();
    assert_eq!(configuration.server("my shop.eu"), eu);
    assert_eq!(configuration.server("other"), max(3).build().unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_pool_gives_each_server_its_own_settings_and_code_has_the_last_word() {
    let files = Files::new(&[(
        "pool.toml",
        "max_connections = 2\n[servers.shop]\nmax_connections = 3",
    )]);
    let pool = Pool::new(files.builder("pool.toml").build().unwrap());
    let max = |server: mcp_pool::Server<FakeConnector>| server.stats().max_connections;
    let add = |name: &str| pool.server(name, FakeConnector::default());
    assert_eq!(max(add("other").add()), 2);
    assert_eq!(max(add("shop").add()), 3);
    let adjusted = add("shop").adjust(|settings| settings.max_connections(4));
    assert_eq!(max(adjusted.unwrap().add()), 4);
    let contradiction = add("shop").adjust(|settings| settings.min_connections(4));
    let expected = SettingsError::MinAboveMax { min: 4, max: 3 };
    assert_eq!(contradiction.unwrap_err(), expected);
}

#[test]
fn a_bad_value_is_refused_with_the_variable_the_value_and_what_is_allowed() {
    refused(
        &[("MCP_POOL_MAX_CONNECTIONS", "many")],
        "MCP_POOL_MAX_CONNECTIONS is `many`; it must be a whole number from 1 to 1000000",
    );
    refused(
        &[("MCP_POOL_IDLE_TIMEOUT", "-3")],
        "MCP_POOL_IDLE_TIMEOUT is `-3`; it must be a time of more than 0 (35, 0.5, \"500ms\", \"2h\") or off",
    );
    refused(
        &[("MCP_POOL_LAZY_INITIALIZATION", "maybe")],
        "MCP_POOL_LAZY_INITIALIZATION is `maybe`; it must be true or false",
    );
    refused(
        &[("MCP_POOL_SHARING", "sometimes")],
        "MCP_POOL_SHARING is `sometimes`; it must be auto, exclusive or shared",
    );
}

#[test]
fn every_setting_can_be_given_by_its_variable() {
    for setting in Setting::ALL {
        let read = Configuration::builder()
            .variables([(setting.variable(), setting.default_value())])
            .build();
        assert_eq!(read.unwrap(), Configuration::default(), "{setting:?}");
        let nonsense = Configuration::builder().variables([(setting.variable(), "?")]);
        let message = nonsense.build().unwrap_err().to_string();
        assert!(message.starts_with(&setting.variable()), "{message}");
        assert!(message.contains(&setting.allowed()), "{message}");
    }
}

#[test]
fn an_unknown_variable_is_refused_with_what_it_was_meant_to_be() {
    refused(
        &[("MCP_POOL_MAX_CONECTIONS", "3")],
        "there is no setting MCP_POOL_MAX_CONECTIONS; did you mean MCP_POOL_MAX_CONNECTIONS?",
    );
    refused(
        &[("MCP_POOL_FIEL", "x")],
        "there is no setting MCP_POOL_FIEL; did you mean MCP_POOL_FILE?",
    );
    refused(
        &[("MCP_POOL_COLOUR", "red")],
        "there is no setting MCP_POOL_COLOUR",
    );
}

/// Kubernetes sets variables of its own for a service that is called `mcp-pool`.
#[test]
fn the_variables_of_a_service_of_that_name_are_left_alone() {
    let variables = [
        ("MCP_POOL_SERVICE_HOST", "10.0.0.1"),
        ("MCP_POOL_SERVICE_PORT", "80"),
        ("MCP_POOL_PORT", "tcp://10.0.0.1:80"),
        ("MCP_POOL_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("MCP_POOL_MAX_CONNECTIONS", ""),
    ];
    let read = Configuration::builder().variables(variables).build();
    assert_eq!(read.unwrap(), Configuration::default());
}

#[test]
fn what_is_wrong_in_a_file_is_named_with_the_file() {
    refused_in_file(
        "max_connections = 'many'",
        "max_connections in `{}` is `many`; it must be a whole number from 1 to 1000000",
    );
    refused_in_file(
        "max_connections = [1]",
        "max_connections in `{}` is a list; it must be a whole number from 1 to 1000000",
    );
    refused_in_file(
        "max_conections = 3",
        "there is no setting max_conections in `{}`; did you mean max_connections?",
    );
    refused_in_file(
        "servers = 3",
        "servers in `{}` is `3`; it must be a table of settings",
    );
    refused_in_file(
        "[servers]\nshop = 3",
        "servers.shop in `{}` is `3`; it must be a table of settings",
    );
    refused_in_file(
        "[servers.shop]\nsharing = 'no'",
        "server `shop`: sharing in `{}` is `no`; it must be auto, exclusive or shared",
    );
    refused_in_file(
        "[servers.shop]\nmax_total = 3",
        "server `shop`: max_total holds for the whole pool, not for one server",
    );
}

/// Nobody should find out about it on the day that the variable is unset.
#[test]
fn a_bad_value_is_refused_also_where_another_layer_overrides_it() {
    let files = Files::new(&[("pool.toml", "max_connections = 0")]);
    let over = files
        .builder("pool.toml")
        .variables([("MCP_POOL_MAX_CONNECTIONS", "3")]);
    let message = over.build().unwrap_err().to_string();
    assert!(message.starts_with("max_connections in `"), "{message}");
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_the_reason() {
    let files = Files::new(&[("broken.toml", "max_connections = "), ("pool.ini", "")]);
    for (name, reason) in [
        ("broken.toml", "line 1"),
        ("absent.toml", "not found"),
        ("pool.ini", "not"),
    ] {
        let message = files.builder(name).build().unwrap_err().to_string();
        let start = format!("cannot read settings from `{}`: ", files.path(name));
        let told = message.strip_prefix(&start);
        assert!(told.is_some_and(|told| told.contains(reason)), "{message}");
    }
}

#[test]
fn settings_that_contradict_each_other_are_refused_wherever_they_come_from() {
    refused(
        &[("MCP_POOL_MIN_CONNECTIONS", "7")],
        "min_connections is 7, but max_connections is only 6; it must be at most that",
    );
    refused(
        &[
            ("MCP_POOL_MIN_CONNECTIONS", "4"),
            ("MCP_POOL_MAX_TOTAL", "3"),
        ],
        "min_connections is 4, but max_total is only 3; it must be at most that",
    );
    refused_in_file(
        "min_connections = 3\n[servers.shop]\nmax_connections = 2",
        "server `shop`: min_connections is 3, but max_connections is only 2; it must be at most that",
    );
    let files = Files::new(&[("pool.toml", "[servers.shop]\nmax_connections = 2")]);
    let read = files.builder("pool.toml").build().unwrap();
    let adjusted = read.adjust(|settings| settings.min_connections(3));
    let expected = "server `shop`: min_connections is 3, but max_connections is only 2; it must be at most that";
    assert_eq!(adjusted.unwrap_err().to_string(), expected);
}
