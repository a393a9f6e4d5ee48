//! A cluster that is made once, and copied by each test: that is ten times as fast.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use super::{NOBODY, PASSWORD, command};

const SHOP: &str = include_str!("../shop.sql");

/// Makes `folder` the home of a cluster with the sample shop: its data are in `data`.
pub(super) fn copy(programs: &Path, folder: &Path) {
    let template = template(programs);
    copy_all(&template, &folder.join("data"));
    hand_over(folder);
}

/// The data of the cluster that is copied. Kept between runs: they are always the same.
fn template(programs: &Path) -> PathBuf {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let version = programs.parent().unwrap().file_name().unwrap();
    let contents = SHOP.bytes().fold(7_u64, |hash, byte| {
        hash.wrapping_mul(31).wrapping_add(u64::from(byte))
    });
    let template = kept.join(format!("postgres-{}-{contents:x}", version.display()));
    // One process makes it, the others wait.
    let lock = File::create(kept.join("postgres.lock")).unwrap();
    lock.lock().unwrap();
    if !template.exists() {
        let scratch = tempfile::tempdir().unwrap();
        make(programs, scratch.path());
        let draft = tempfile::tempdir_in(kept).unwrap();
        copy_all(&scratch.path().join("data"), &draft.path().join("data"));
        fs::rename(draft.path().join("data"), &template).unwrap();
    }
    template
}

fn make(programs: &Path, folder: &Path) {
    fs::write(folder.join("password"), PASSWORD).unwrap();
    fs::write(folder.join("shop.sql"), SHOP).unwrap();
    hand_over(folder);
    let made = command(programs, "initdb", folder)
        .args(["--username=postgres", "--auth=scram-sha-256"])
        .args(["--no-sync", "--wal-segsize=1", "--encoding=UTF8"])
        .args(["--locale=C", "--pwfile=password", "--pgdata=data"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "initdb: {said}");
    // Without a server: statements from standard input, and the end of them ends it.
    let filled = command(programs, "postgres", folder)
        .args(["--single", "-j", "-D", "data", "-c", "fsync=off"])
        .arg("postgres")
        .stdin(File::open(folder.join("shop.sql")).unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&filled.stderr);
    assert!(filled.status.success() && !said.contains("ERROR"), "{said}");
}

/// Gives a folder to who runs PostgreSQL.
pub(super) fn hand_over(folder: &Path) {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return;
    }
    chown(folder, Some(NOBODY), Some(NOBODY)).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            hand_over(&path);
        } else {
            chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    // PostgreSQL wants its data for itself.
    fs::set_permissions(to, Permissions::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = entry
            .map(|entry| (entry.path(), entry.file_name()))
            .unwrap();
        if path.is_dir() {
            copy_all(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}
