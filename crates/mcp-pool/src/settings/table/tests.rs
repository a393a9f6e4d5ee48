//! The table, the code and the documentation say the same.

use super::*;

/// The table of docs/settings.md, as it should be.
fn page() -> String {
    let mut page = String::from("| variable | default | allowed | meaning |\n|---|---|---|---|\n");
    for setting in Setting::ALL {
        page += &format!(
            "| `{}` | {} | {} | {} |\n",
            setting.variable(),
            setting.default_value(),
            setting.allowed().replace(EXAMPLES, ""),
            setting.meaning()
        );
    }
    page
}

#[test]
fn the_documentation_has_this_very_table() {
    let text = include_str!("../../../../../docs/settings.md");
    assert!(
        text.contains(&page()),
        "docs/settings.md should have:\n\n{}",
        page()
    );
}

#[test]
fn the_case_study_finds_its_names_and_defaults() {
    let case_study = [
        ("MCP_POOL_MIN_CONNECTIONS", "1"),
        ("MCP_POOL_MAX_CONNECTIONS", "6"),
        ("MCP_POOL_CONNECTION_TIMEOUT", "35.0"),
        ("MCP_POOL_IDLE_TIMEOUT", "600.0"),
        ("MCP_POOL_MAX_CONNECTION_AGE", "7200.0"),
        ("MCP_POOL_HEALTH_CHECK_INTERVAL", "300.0"),
        ("MCP_POOL_RETRY_ATTEMPTS", "2"),
        ("MCP_POOL_LAZY_INITIALIZATION", "true"),
    ];
    let first: Vec<_> = Setting::ALL
        .iter()
        .take(case_study.len())
        .map(|setting| (setting.variable(), setting.default_value()))
        .collect();
    let expected = case_study.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(first, expected);
}

/// Two settings that were kept in one field would show here.
#[test]
fn each_setting_is_kept_in_a_place_of_its_own() {
    let plain = Settings::default();
    for setting in Setting::ALL {
        let other = match setting.get(plain) {
            Given::Count(count) => Given::Count(count + 1),
            Given::Flag(flag) => Given::Flag(!flag),
            Given::Sharing(_) => Given::Sharing(Sharing::Shared),
            Given::Time(_) => Given::Time(Duration::from_secs(77)),
        };
        let mut changed = plain;
        setting.set(&mut changed, other);
        for each in Setting::ALL {
            let expected = if each.name() == setting.name() {
                other
            } else {
                each.get(plain)
            };
            assert_eq!(each.get(changed), expected, "{each:?} after {setting:?}");
        }
    }
}

/// The documentation of each method of the builder ends with the default of the table.
#[test]
fn the_builder_documents_every_default() {
    let source = include_str!("../../settings.rs");
    for setting in Setting::ALL {
        let (before, _) = source
            .split_once(&format!("pub fn {}(mut self", setting.name()))
            .unwrap_or_else(|| panic!("the builder has no method for {setting:?}"));
        let docs = &before[before.rfind("}\n").unwrap()..];
        let default = match setting.get(Settings::default()) {
            Given::Sharing(Sharing::Auto) => "[`Sharing::Auto`]".to_owned(),
            Given::Time(Duration::MAX) => "off".to_owned(),
            Given::Time(time) if time < Duration::from_secs(1) => {
                format!("{} ms", time.as_millis())
            }
            Given::Time(time) => format!("{} s", time.as_secs()),
            other => other.to_string(),
        };
        let claim = format!("Default: {default}");
        assert!(docs.contains(&claim), "{setting:?} lacks `{claim}`");
    }
}

#[cfg(feature = "config")]
mod reading {
    use super::*;

    #[track_caller]
    fn check(name: &str, text: &str, expected: Option<Given>) {
        let setting = Setting::named(name).unwrap();
        assert_eq!(setting.read(text), expected, "{name} = {text}");
    }

    #[test]
    fn a_time_is_a_number_of_seconds_or_has_a_unit() {
        let second = |count| Some(Given::Time(Duration::from_secs_f64(count)));
        for (text, expected) in [
            ("35", 35.0),
            ("35.0", 35.0),
            (" 0.25 ", 0.25),
            ("1e3", 1000.0),
            ("35s", 35.0),
            ("500ms", 0.5),
            ("2h", 7200.0),
            ("1m 30s", 90.0),
        ] {
            check("connection_timeout", text, second(expected));
        }
        for nonsense in [
            "",
            "-1",
            "NaN",
            "inf",
            "soon",
            "35 bananas",
            "0",
            "0s",
            "off",
            "1e30",
        ] {
            check("connection_timeout", nonsense, None);
        }
        check("idle_timeout", "Off", Some(Given::Time(Duration::MAX)));
        check("check_after_idle", "0", second(0.0));
    }

    #[test]
    fn a_count_is_a_whole_number_within_its_limits() {
        check("max_connections", "6", Some(Given::Count(6)));
        check("min_connections", "0", Some(Given::Count(0)));
        check("retry_attempts", "0", Some(Given::Count(0)));
        for nonsense in [
            "0",
            "-1",
            "6.5",
            "1000001",
            "99999999999999999999",
            "many",
            "",
        ] {
            check("max_connections", nonsense, None);
        }
    }

    #[test]
    fn flags_and_sharing_are_words() {
        for yes in ["true", "1", "YES", "on"] {
            check("lazy_initialization", yes, Some(Given::Flag(true)));
        }
        check("lazy_initialization", "False", Some(Given::Flag(false)));
        check("lazy_initialization", "2", None);
        check(
            "sharing",
            "Exclusive",
            Some(Given::Sharing(Sharing::Exclusive)),
        );
        check("sharing", "sometimes", None);
    }

    /// What the table shows as a default can be written back.
    #[test]
    fn every_default_reads_back() {
        for setting in Setting::ALL {
            let default = setting.get(Settings::default());
            check(setting.name(), &setting.default_value(), Some(default));
        }
    }
}
