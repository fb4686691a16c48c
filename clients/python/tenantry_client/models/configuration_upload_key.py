from typing import Literal

ConfigurationUploadKey = Literal["branding.favicon", "branding.logo"]

CONFIGURATION_UPLOAD_KEY_VALUES: set[ConfigurationUploadKey] = {
    "branding.favicon",
    "branding.logo",
}


def check_configuration_upload_key(value: str) -> ConfigurationUploadKey:
    if value in CONFIGURATION_UPLOAD_KEY_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {CONFIGURATION_UPLOAD_KEY_VALUES!r}")
