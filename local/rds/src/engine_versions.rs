//! The versions of PostgreSQL that are offered: operation `DescribeDBEngineVersions`.

use super::Rds;
use super::fault::Fault;
use super::wire::{Filters, Form, Page, Paging, Render, Request, Xml};
use crate::postgres::version::{ENGINE, family, major, numbers};

/// A version that is installed, and where one can go from it.
#[derive(Debug, Clone)]
pub struct EngineVersion {
    version: String,
    targets: Vec<String>,
}

impl Render for EngineVersion {
    fn render(&self, xml: &mut Xml) {
        xml.text("Engine", ENGINE);
        xml.text("MajorEngineVersion", major(&self.version));
        xml.text("EngineVersion", &self.version);
        xml.text("DBParameterGroupFamily", family(&self.version));
        xml.text("DBEngineDescription", "PostgreSQL");
        xml.text(
            "DBEngineVersionDescription",
            format!("PostgreSQL {}-R1", self.version),
        );
        xml.text("Status", "available");
        xml.text("SupportsReadReplica", true);
        xml.list(
            "ValidUpgradeTarget",
            "UpgradeTarget",
            &self.targets,
            |xml, target| {
                xml.text("Engine", ENGINE);
                xml.text("EngineVersion", target);
                xml.text("Description", format!("PostgreSQL {target}-R1"));
                xml.text("AutoUpgrade", false);
                xml.text(
                    "IsMajorVersionUpgrade",
                    major(target) != major(&self.version),
                );
            },
        );
    }
}

/// `DescribeDBEngineVersions`.
#[derive(Debug)]
pub struct DescribeEngineVersions {
    engine: Option<String>,
    version: Option<String>,
    family: Option<String>,
    default_only: bool,
    paging: Paging,
}

impl Request for DescribeEngineVersions {
    fn read(form: &mut Form) -> Result<Self, Fault> {
        Filters::read(form, &[])?;
        form.ignore(&[
            "IncludeAll",
            "ListSupportedCharacterSets",
            "ListSupportedTimezones",
        ]);
        Ok(Self {
            engine: form.text("Engine"),
            version: form.text("EngineVersion"),
            family: form.text("DBParameterGroupFamily"),
            default_only: form.flag("DefaultOnly")?,
            paging: Paging::read(form)?,
        })
    }
}

impl DescribeEngineVersions {
    /// An `EngineVersion` of a major alone means all of it.
    fn wants(&self, offered: &str) -> bool {
        let family = family(offered);
        self.engine.as_deref().is_none_or(|engine| engine == ENGINE)
            && self.family.as_ref().is_none_or(|wanted| *wanted == family)
            && self.version.as_deref().is_none_or(|wanted| {
                wanted == offered || !wanted.contains('.') && major(wanted) == major(offered)
            })
    }
}

impl Rds {
    pub(super) fn describe_engine_versions(
        &self,
        request: &DescribeEngineVersions,
    ) -> Result<Page<EngineVersion>, Fault> {
        let offered = self.offered_versions();
        let mut found: Vec<_> = offered.iter().filter(|it| request.wants(it)).collect();
        if request.default_only {
            found = found.pop().into_iter().collect();
        }
        let versions = found.into_iter().map(|version| EngineVersion {
            version: version.clone(),
            targets: targets(version, &offered),
        });
        Page::of(
            ("DBEngineVersions", "DBEngineVersion"),
            versions.collect(),
            &request.paging,
        )
    }

    /// The versions that are installed, ascending.
    pub(super) fn offered_versions(&self) -> Vec<String> {
        self.host().toolchain.versions()
    }

    /// The version that a client asked for: exactly, or the newest of a major.
    pub(super) fn offered(&self, wanted: &str) -> Result<String, Fault> {
        let mut offered = self.offered_versions();
        offered.retain(|it| it == wanted || !wanted.contains('.') && major(it) == major(wanted));
        offered.pop().ok_or_else(|| {
            Fault::invalid_combination(format!("Cannot find version {wanted} for {ENGINE}"))
        })
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
