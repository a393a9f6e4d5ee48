//! `cargo xtask tidy`: the rules of the house, checked.

mod layers;
mod manners;

use crate::cargo;

pub(crate) fn run() -> Result<(), String> {
    let metadata = cargo::metadata_here()?;
    let mut bad = layers::violations(&metadata);
    bad.extend(manners::violations(&cargo::root(), &metadata)?);
    if bad.is_empty() {
        Ok(())
    } else {
        Err(format!("{} rules broken:\n{}", bad.len(), bad.join("\n")))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_house_is_tidy() {
        super::run().unwrap();
    }
}
