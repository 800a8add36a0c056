//! The versions of PostgreSQL that are offered: operation `DescribeDBEngineVersions`.

use super::Rds;
use super::fault::Fault;
use super::wire::{Form, Render, Xml};
use crate::postgres::version::{ENGINE, family, major, numbers};

/// A version that is installed, and where one can go from it.
struct EngineVersion {
    version: String,
    targets: Vec<String>,
}

impl Render for EngineVersion {
    fn render(&self, xml: &mut Xml) {
        let version = &self.version;
        xml.text("Engine", ENGINE);
        xml.text("MajorEngineVersion", major(version));
        xml.text("EngineVersion", version);
        xml.text("DBParameterGroupFamily", family(version));
        xml.text("DBEngineDescription", "PostgreSQL");
        let described = format!("PostgreSQL {version}-R1");
        xml.text("DBEngineVersionDescription", described);
        xml.text("Status", "available");
        xml.text("SupportsReadReplica", true);
        let (list, item) = ("ValidUpgradeTarget", "UpgradeTarget");
        xml.list(list, item, &self.targets, |xml, target| {
            xml.text("Engine", ENGINE);
            xml.text("EngineVersion", target);
            xml.text("Description", format!("PostgreSQL {target}-R1"));
            xml.text("AutoUpgrade", false);
            xml.text("IsMajorVersionUpgrade", major(target) != major(version));
        });
    }
}

/// Whether an offered version is the one that is wanted, or of the major that is wanted.
fn is_of(offered: &str, wanted: &str) -> bool {
    wanted == offered || !wanted.contains('.') && major(wanted) == major(offered)
}

impl Rds {
    /// `DescribeDBEngineVersions`. An `EngineVersion` of a major alone means all of it.
    pub(super) fn describe_engine_versions(&self, mut form: Form) -> Result<Xml, Fault> {
        form.ignore(&[
            "IncludeAll",
            "ListSupportedCharacterSets",
            "ListSupportedTimezones",
        ]);
        let (engine, version) = (form.text("Engine"), form.text("EngineVersion"));
        let group_family = form.text("DBParameterGroupFamily");
        let default_only = form.flag("DefaultOnly")?;
        let (_, paging) = form.listing(&[])?;
        let offered = self.offered_versions();
        let wanted = |it: &&String| {
            engine.as_deref().is_none_or(|engine| engine == ENGINE)
                && group_family
                    .as_ref()
                    .is_none_or(|wanted| *wanted == family(it))
                && version.as_ref().is_none_or(|wanted| is_of(it, wanted))
        };
        let mut found: Vec<_> = offered.iter().filter(wanted).collect();
        if default_only {
            found = found.pop().into_iter().collect();
        }
        let versions = found.into_iter().map(|version| EngineVersion {
            version: version.clone(),
            targets: targets(version, &offered),
        });
        let (list, item) = ("DBEngineVersions", "DBEngineVersion");
        Xml::page(list, item, versions.collect(), &paging)
    }

    /// The versions that are installed, ascending.
    pub(super) fn offered_versions(&self) -> Vec<String> {
        self.host().toolchain.versions()
    }

    /// The version that a client asked for: exactly, or the newest of a major.
    pub(super) fn offered(&self, wanted: &str) -> Result<String, Fault> {
        let mut offered = self.offered_versions();
        offered.retain(|it| is_of(it, wanted));
        offered.pop().ok_or_else(|| {
            Fault::invalid_combination(format!("Cannot find version {wanted} for {ENGINE}"))
        })
    }

    /// The same for an instance of a version, which can't become a lower one.
    pub(super) fn offered_to(&self, from: &str, wanted: &str) -> Result<String, Fault> {
        let target = self.offered(wanted)?;
        if numbers(&target) < numbers(from) {
            let message = format!("Cannot upgrade postgres from {from} to {target}");
            return Err(Fault::invalid_combination(message));
        }
        Ok(target)
    }
}

fn targets(from: &str, offered: &[String]) -> Vec<String> {
    let newer = offered.iter().filter(|to| numbers(to) > numbers(from));
    newer.cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_goes_up_only_and_minors_are_numbers() {
        let offered = ["16.4", "16.14", "18.4"].map(str::to_owned);
        assert_eq!(targets("16.4", &offered), ["16.14", "18.4"]);
        assert!(targets("18.4", &offered).is_empty());
    }
}
