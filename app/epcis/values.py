"""The words of GS1 EPCIS 2.0 and CBV 2.0: event types with their fields, vocabularies, and what is found wrong with a document.

From the EPCIS 2.0 JSON Schema, its JSON-LD context and the Core Business Vocabulary 2.0 (GS1, 2022).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

EPCIS_VERSION: Final = "2.0.0"
CBV_VERSION: Final = "2.0.0"
SCHEMA_VERSION: Final = "2.0"
CONTEXT: Final = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
EPCIS_NAMESPACE: Final = "https://ref.gs1.org/epcis/"
CBV_NAMESPACE: Final = "https://ref.gs1.org/cbv/"
GS1_NAMESPACE: Final = "https://gs1.org/voc/"
# What the standard's own context declares: no document has to.
STANDARD_PREFIXES: Final[Mapping[str, str]] = {
    "epcis": EPCIS_NAMESPACE,
    "cbv": CBV_NAMESPACE,
    "cbvmda": "urn:epcglobal:cbv:mda:",
    "gs1": GS1_NAMESPACE,
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "dcterms": "http://purl.org/dc/terms/",
}


class EventKind(StrEnum):
    """The five types of events. Types that others define are not taken: nobody could say what they mean for goods of ours."""

    OBJECT = "ObjectEvent"
    AGGREGATION = "AggregationEvent"
    TRANSACTION = "TransactionEvent"
    TRANSFORMATION = "TransformationEvent"
    ASSOCIATION = "AssociationEvent"


class Action(StrEnum):
    ADD = "ADD"
    OBSERVE = "OBSERVE"
    DELETE = "DELETE"


class Word(StrEnum):
    """A vocabulary of the standard. Its value is what stands before a word in a CBV web URI."""

    BIZ_STEP = "BizStep-"
    DISPOSITION = "Disp-"
    TRANSACTION = "BTT-"
    SOURCE_DEST = "SDT-"
    ERROR_REASON = "ER-"
    COMPONENT = "Comp-"
    MEASUREMENT = ""
    ALERT = "SensorAlertType-"


def listed(text: str) -> tuple[str, ...]:
    """The words of a text, in their order."""
    return tuple(text.split())


def _words(text: str) -> frozenset[str]:
    return frozenset(listed(text))


VOCABULARIES: Final[Mapping[Word, frozenset[str]]] = {
    Word.BIZ_STEP: _words(
        "accepting arriving assembling collecting commissioning consigning creating_class_instance cycle_counting "
        "decommissioning departing destroying disassembling dispensing encoding entering_exiting holding inspecting "
        "installing killing loading other packing picking receiving removing repackaging repairing replacing reserving "
        "retail_selling sampling sensor_reporting shipping staging_outbound stock_taking stocking storing transporting "
        "unloading unpacking void_shipping"
    ),
    Word.DISPOSITION: _words(
        "active available completeness_inferred completeness_verified conformant container_closed container_open damaged "
        "destroyed dispensed disposed encoded expired in_progress in_transit inactive mismatch_class mismatch_instance "
        "mismatch_quantity needs_replacement no_pedigree_match non_conformant non_sellable_other partially_dispensed "
        "recalled reserved retail_sold returned sellable_accessible sellable_not_accessible stolen unavailable unknown"
    ),
    Word.TRANSACTION: _words("bol cert desadv inv pedigree po poc prodorder recadv rma testprd testres upevt"),
    Word.SOURCE_DEST: _words("owning_party possessing_party location"),
    Word.ERROR_REASON: _words("did_not_occur incorrect_data"),
    Word.COMPONENT: _words(
        "x y z axial_distance azimuth height spherical_radius polar_angle elevation_angle easting northing latitude "
        "longitude altitude"
    ),
    Word.ALERT: _words("ALARM_CONDITION ERROR_CONDITION"),
    Word.MEASUREMENT: _words(
        "AbsoluteHumidity AbsorbedDose AbsorbedDoseRate Acceleration Altitude AmountOfSubstance "
        "AmountOfSubstancePerUnitVolume Angle AngularAcceleration AngularMomentum AngularVelocity Area Capacitance "
        "Conductance Conductivity Count Density Dimensionless DoseEquivalent DoseEquivalentRate DynamicViscosity "
        "ElectricCharge ElectricCurrent ElectricCurrentDensity ElectricFieldStrength Energy Exposure Force Frequency "
        "Illuminance Inductance Irradiance KinematicViscosity Length LinearMomentum Luminance LuminousFlux "
        "LuminousIntensity MagneticFlux MagneticFluxDensity MagneticVectorPotential Mass MassConcentration MassFlowRate "
        "MassPerAreaTime MemoryCapacity MolalityOfSolute MolarEnergy MolarMass MolarVolume Power Pressure RadiantFlux "
        "RadiantIntensity Radioactivity RelativeHumidity Resistance Resistivity SolidAngle SpecificVolume Speed "
        "SurfaceDensity SurfaceTension Temperature Time Torque Voltage Volume VolumeFlowRate VolumeFraction "
        "VolumetricFlux Wavenumber"
    ),
}
# The form before web URIs: `urn:epcglobal:cbv:bizstep:shipping`.
URN_STARTS: Final[Mapping[Word, str]] = {
    Word.BIZ_STEP: "urn:epcglobal:cbv:bizstep:",
    Word.DISPOSITION: "urn:epcglobal:cbv:disp:",
    Word.TRANSACTION: "urn:epcglobal:cbv:btt:",
    Word.SOURCE_DEST: "urn:epcglobal:cbv:sdt:",
    Word.ERROR_REASON: "urn:epcglobal:cbv:er:",
}
# What begins like this is the standard's own: a word that it does not know is a mistake, not an extension.
RESERVED_STARTS: Final = ("urn:epcglobal:cbv:", "https://ref.gs1.org/cbv/", "https://ns.gs1.org/cbv/", GS1_NAMESPACE)


class Form(StrEnum):
    """How the value of a field is written."""

    TIME = "time"
    OFFSET = "offset"
    URI = "uri"
    URIS = "uris"
    URI_OR_URIS = "uri_or_uris"
    ACTION = "action"
    BIZ_STEP = "biz_step"
    DISPOSITION = "disposition"
    PERSISTENT = "persistent"
    PLACE = "place"
    QUANTITIES = "quantities"
    TRANSACTIONS = "transactions"
    SOURCES = "sources"
    DESTINATIONS = "destinations"
    SENSORS = "sensors"
    ILMD = "ilmd"
    ERROR = "error"
    CONTEXT = "context"


_COMMON: Final[dict[str, Form]] = {
    "@context": Form.CONTEXT,
    "eventTime": Form.TIME,
    "recordTime": Form.TIME,
    "eventTimeZoneOffset": Form.OFFSET,
    "eventID": Form.URI,
    "certificationInfo": Form.URI_OR_URIS,
    "errorDeclaration": Form.ERROR,
    "bizStep": Form.BIZ_STEP,
    "disposition": Form.DISPOSITION,
    "readPoint": Form.PLACE,
    "bizLocation": Form.PLACE,
    "bizTransactionList": Form.TRANSACTIONS,
    "sourceList": Form.SOURCES,
    "destinationList": Form.DESTINATIONS,
    "sensorElementList": Form.SENSORS,
}
_NESTING: Final[dict[str, Form]] = _COMMON | {
    "action": Form.ACTION,
    "parentID": Form.URI,
    "childEPCs": Form.URIS,
    "childQuantityList": Form.QUANTITIES,
}
FIELDS: Final[Mapping[EventKind, Mapping[str, Form]]] = {
    EventKind.OBJECT: _COMMON
    | {
        "action": Form.ACTION,
        "epcList": Form.URIS,
        "quantityList": Form.QUANTITIES,
        "persistentDisposition": Form.PERSISTENT,
        "ilmd": Form.ILMD,
    },
    EventKind.AGGREGATION: _NESTING,
    EventKind.ASSOCIATION: _NESTING,
    EventKind.TRANSACTION: _COMMON
    | {"action": Form.ACTION, "parentID": Form.URI, "epcList": Form.URIS, "quantityList": Form.QUANTITIES},
    EventKind.TRANSFORMATION: _COMMON
    | {
        "inputEPCList": Form.URIS,
        "inputQuantityList": Form.QUANTITIES,
        "outputEPCList": Form.URIS,
        "outputQuantityList": Form.QUANTITIES,
        "transformationID": Form.URI,
        "persistentDisposition": Form.PERSISTENT,
        "ilmd": Form.ILMD,
    },
}
REQUIRED: Final[Mapping[EventKind, tuple[str, ...]]] = {
    EventKind.OBJECT: ("eventTime", "eventTimeZoneOffset", "action"),
    EventKind.AGGREGATION: ("eventTime", "eventTimeZoneOffset", "action"),
    EventKind.TRANSACTION: ("eventTime", "eventTimeZoneOffset", "action", "bizTransactionList"),
    EventKind.TRANSFORMATION: ("eventTime", "eventTimeZoneOffset"),
    EventKind.ASSOCIATION: ("eventTime", "eventTimeZoneOffset", "action", "parentID"),
}
# Where an event names things, and where it names classes of things.
EPC_FIELDS: Final = ("epcList", "childEPCs", "parentID", "inputEPCList", "outputEPCList")
QUANTITY_FIELDS: Final = ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList")

METADATA_FIELDS: Final[Mapping[str, Form]] = {
    "time": Form.TIME,
    "startTime": Form.TIME,
    "endTime": Form.TIME,
    "deviceID": Form.URI,
    "deviceMetadata": Form.URI,
    "rawData": Form.URI,
    "dataProcessingMethod": Form.URI,
    "bizRules": Form.URI,
}
REPORT_URIS: Final = (
    "deviceID",
    "deviceMetadata",
    "rawData",
    "dataProcessingMethod",
    "bizRules",
    "microorganism",
    "chemicalSubstance",
    "coordinateReferenceSystem",
    "uriValue",
)
REPORT_NUMBERS: Final = ("value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue")
REPORT_FIELDS: Final = frozenset(
    {*REPORT_URIS, *REPORT_NUMBERS, "type", "exception", "time", "component", "uom"}
    | {"stringValue", "booleanValue", "hexBinaryValue"}
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong with a document: a JSON pointer, and what, in English and in Chinese."""

    pointer: str
    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Event:
    """An event that was found good. `body` is as it was sent but for aliases of JSON-LD keys; `prefixes` are those that hold in it.

    `told` is the whole as it was sent.
    """

    kind: EventKind
    at: datetime
    body: Mapping[str, Any]
    prefixes: Mapping[str, str]
    told: Mapping[str, Any]

    @property
    def id(self) -> str | None:
        return self.body.get("eventID")
