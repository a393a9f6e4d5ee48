//! PostgreSQL: TLS, as `sslmode` asks for it.

use std::{fs, process::Command};

use mcp_server_db::{DatabaseServer, Limits, Options};
use rmcp::service::ClientLifecycleMode;
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use crate::{
    client::{Client, ask, refused},
    cluster::{Cluster, connect},
    postgres_cancel::{call_in_background, patient, until_running},
};

/// Is this connection protected?
const PROTECTED: &str = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

/// The names that a certificate is for, and who may issue others.
const CONFIG: &str = "
    [req]
    distinguished_name = name
    [name]
    [authority]
    basicConstraints = critical, CA:true
    [server]
    basicConstraints = critical, CA:false
    subjectAltName = IP:127.0.0.1
    [client]
    basicConstraints = critical, CA:false
";

/// Somebody who issues certificates, by the program that comes with PostgreSQL.
struct Authority(TempDir);

impl Authority {
    fn new() -> Self {
        let authority = Self(tempfile::tempdir().unwrap());
        fs::write(authority.0.path().join("config"), CONFIG).unwrap();
        authority.make("authority", &[]);
        authority
    }

    /// Makes a certificate, and its key.
    fn make(&self, kind: &str, more: &[&str]) {
        let certificate = format!("{kind}.crt");
        let key = format!("{kind}.key");
        let made = Command::new("openssl")
            .current_dir(self.0.path())
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt"])
            .args([
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-subj",
                "/",
                "-days",
                "2",
            ])
            .args(["-config", "config", "-extensions", kind])
            .args(["-out", &certificate, "-keyout", &key])
            .args(more)
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
    }

    fn file(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }

    /// A certificate for 127.0.0.1 and its key, as PEM.
    fn issue(&self) -> (String, String) {
        let by = ["-CA", "authority.crt", "-CAkey", "authority.key"];
        self.make("server", &by);
        (self.read("server.crt"), self.read("server.key"))
    }

    /// Options of an address with a certificate for this role.
    fn shown_by(&self, role: &str) -> String {
        let by = ["-CA", "authority.crt", "-CAkey", "authority.key"];
        let role = format!("/CN={role}");
        self.make("client", &[&by[..], &["-subj", &role]].concat());
        let (certificate, key) = (self.file("client.crt"), self.file("client.key"));
        format!("sslmode=require&sslcert={certificate}&sslkey={key}")
    }
}

async fn client(address: &str, options: &Options) -> Client {
    let server = DatabaseServer::open(address, options).unwrap();
    connect(server, ClientLifecycleMode::Initialize).await
}

/// Is the connection to this address protected? Or else why there is none.
async fn is_protected(address: &str) -> Result<bool, String> {
    let client = client(address, &Options::default()).await;
    let asked = json!({ "sql": PROTECTED });
    let answer = crate::client::call(&client, "query", asked.clone()).await;
    if answer.is_error == Some(true) {
        return Err(refused(&client, "query", asked).await);
    }
    let rows = answer.structured_content.unwrap();
    Ok(rows["rows"][0][0].as_bool().unwrap())
}

#[tokio::test]
async fn a_database_without_tls_is_spoken_to_in_clear_only_where_that_will_do() {
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    for options in ["", "sslmode=disable", "sslmode=prefer"] {
        let address = cluster.reader_at("127.0.0.1", options);
        assert_eq!(is_protected(&address).await, Ok(false), "{options}");
    }
    for mode in ["require", "verify-full"] {
        let address = cluster.reader_at("127.0.0.1", &format!("sslmode={mode}"));
        let why = is_protected(&address).await.unwrap_err();
        let lacks = format!("the database has no TLS, which sslmode={mode} asks for");
        assert!(why.contains(&lacks), "{why}");
    }
}

#[tokio::test]
async fn a_database_with_tls_is_trusted_as_far_as_was_asked_for() {
    let Some(mut cluster) = Cluster::start().await else {
        return;
    };
    let (ours, other) = (Authority::new(), Authority::new());
    let (certificate, key) = ours.issue();
    cluster.protect(&certificate, &key).await;
    let (ours, other) = (ours.file("authority.crt"), other.file("authority.crt"));

    let ask = async |host: &str, options: &str| {
        let address = cluster.reader_at(host, options);
        is_protected(&address).await
    };
    assert_eq!(ask("127.0.0.1", "sslmode=disable").await, Ok(false));
    for options in [
        "",
        "sslmode=prefer",
        "sslmode=require",
        &format!("sslmode=require&sslrootcert={ours}"),
        &format!("sslmode=verify-ca&sslrootcert={ours}"),
        &format!("sslmode=verify-full&sslrootcert={ours}"),
    ] {
        assert_eq!(ask("127.0.0.1", options).await, Ok(true), "{options}");
    }
    // By another name.
    let full = format!("sslmode=verify-full&sslrootcert={ours}");
    let why = ask("localhost", &full).await.unwrap_err();
    assert!(why.contains("not valid for name"), "{why}");
    let any_name = format!("sslmode=verify-ca&sslrootcert={ours}");
    assert_eq!(ask("localhost", &any_name).await, Ok(true));
    // By somebody else, or by nobody that this system knows.
    for options in [
        &format!("sslmode=require&sslrootcert={other}"),
        &format!("sslmode=verify-ca&sslrootcert={other}"),
        &format!("sslmode=verify-full&sslrootcert={other}"),
    ] {
        let why = ask("127.0.0.1", options).await.unwrap_err();
        assert!(why.contains("invalid peer certificate"), "{options}: {why}");
        assert!(!why.contains("kept-secret"), "{why}");
    }
}

/// Something in the way to a database that promises TLS and knows nothing of it; what is
/// said in clear it hands on. Returns its port.
async fn spoiler(database: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut first = [0; 8];
                client.read_exact(&mut first).await?;
                if first[4..] == [0x04, 0xd2, 0x16, 0x2f] {
                    return client.write_all(b"Sorry, not today").await;
                }
                let mut database = TcpStream::connect(("127.0.0.1", database)).await?;
                database.write_all(&first).await?;
                copy_bidirectional(&mut client, &mut database).await?;
                Ok(())
            });
        }
    });
    port
}

#[tokio::test]
async fn where_tls_fails_it_is_done_without_only_if_it_was_but_preferred() {
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    let port = spoiler(cluster.port()).await;
    let ask = async |options: &str| {
        let direct = format!(":{}/", cluster.port());
        let address = cluster.reader_at("127.0.0.1", options);
        is_protected(&address.replace(&direct, &format!(":{port}/"))).await
    };
    // As libpq does.
    for options in ["", "sslmode=prefer"] {
        assert_eq!(ask(options).await, Ok(false), "{options}");
    }
    for options in ["sslmode=require", "sslmode=verify-full"] {
        let why = ask(options).await.unwrap_err();
        assert!(why.contains("TLS: "), "{options}: {why}");
    }
}

#[tokio::test]
async fn a_client_shows_its_certificate_where_it_has_one() {
    let Some(mut cluster) = Cluster::start().await else {
        return;
    };
    let (ours, other) = (Authority::new(), Authority::new());
    let (certificate, key) = ours.issue();
    cluster.protect(&certificate, &key).await;
    let authority = ours.read("authority.crt");
    cluster.demand_certificates(&authority).await;
    let ask = async |options: &str| {
        let address = cluster.reader_at("127.0.0.1", options);
        is_protected(&address).await
    };
    assert_eq!(ask(&ours.shown_by("reader")).await, Ok(true));
    for (options, why) in [
        ("sslmode=require", "certificate"),
        (
            &ours.shown_by("writer"),
            "certificate authentication failed",
        ),
        (&other.shown_by("reader"), "UnknownCA"),
    ] {
        let told = ask(options).await.unwrap_err();
        assert!(told.contains(why), "{options}: {told}");
        assert!(!told.contains("kept-secret"), "{told}");
    }
}

#[tokio::test]
async fn what_holds_in_clear_holds_with_tls() {
    let Some(mut cluster) = Cluster::start().await else {
        return;
    };
    let (certificate, key) = Authority::new().issue();
    cluster.protect(&certificate, &key).await;
    let address = cluster.reader_at("127.0.0.1", "sslmode=require");

    // A call that is cancelled stops its statement.
    let patient = client(&address, &patient(1)).await;
    let call = call_in_background(&patient);
    until_running(&cluster, 1).await;
    call.abort();
    until_running(&cluster, 0).await;

    // What is too long is let go by.
    let limits = Limits {
        bytes: 100_000,
        ..Limits::default()
    };
    let options = Options {
        limits,
        ..Options::default()
    };
    let bounded = client(&address, &options).await;
    let long = json!({ "sql": "SELECT repeat('x', 30000000)" });
    let why = refused(&bounded, "query", long).await;
    assert!(why.contains("is too big: the limit is"), "{why}");
    let many = json!({ "sql": "SELECT repeat('x', 900) FROM generate_series(1, 100)" });
    let many = ask(&bounded, "query", many).await;
    assert_eq!(many["row_count"], 100);
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_asked() {
    let open = |options: &str| {
        let address = format!("postgres://reader:kept-secret@127.0.0.1:1/shop?{options}");
        let error = DatabaseServer::open(&address, &Options::default()).unwrap_err();
        assert!(!error.chain().contains("kept-secret"), "{}", error.chain());
        error.to_string()
    };
    assert!(open("sslmode=allow").contains("sslmode is `allow`; it must be one of disable,"));
    assert!(open("sslpassword=kept-secret").contains("`sslpassword` is not supported"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none");
    let shown = |certificate: &str, key: &str| open(&format!("sslcert={certificate}&sslkey={key}"));
    let none = path.display().to_string();
    assert!(shown(&none, &none).contains("which is sslcert"));
    let (one, two) = (Authority::new(), Authority::new());
    assert!(shown(&one.file("authority.crt"), &none).contains("which is sslkey"));
    let others = shown(&one.file("authority.crt"), &two.file("authority.key"));
    assert!(others.contains("is none for the certificate"), "{others}");
    let missing = open(&format!(
        "sslmode=verify-full&sslrootcert={}",
        path.display()
    ));
    assert!(
        missing.contains("cannot read the certificates in"),
        "{missing}"
    );
    fs::write(&path, "no certificate at all").unwrap();
    let empty = open(&format!(
        "sslmode=verify-full&sslrootcert={}",
        path.display()
    ));
    assert!(
        empty.contains("there are no trusted certificates in"),
        "{empty}"
    );
}
