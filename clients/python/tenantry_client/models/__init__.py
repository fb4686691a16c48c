"""Contains all the data models used in inputs/outputs"""

from .acceptance import Acceptance
from .acceptance_profile import AcceptanceProfile
from .accepted import Accepted
from .accepted_role import AcceptedRole
from .accepted_settings import AcceptedSettings
from .again import Again
from .answer import Answer
from .answer_credential import AnswerCredential
from .asked import Asked
from .backup import Backup
from .beside import Beside
from .bulk_change import BulkChange
from .bulk_change_labels import BulkChangeLabels
from .bulk_change_where import BulkChangeWhere
from .bulk_preview import BulkPreview
from .bulk_preview_cells import BulkPreviewCells
from .by_invitation import ByInvitation
from .by_link import ByLink
from .by_password import ByPassword
from .change import Change
from .checked import Checked
from .clone import Clone
from .code import Code
from .configuration_change import ConfigurationChange
from .configuration_upload_key import ConfigurationUploadKey
from .declaration import Declaration
from .deletion import Deletion
from .deletion_outcome import DeletionOutcome
from .deletion_record import DeletionRecord
from .deletion_record_record import DeletionRecordRecord
from .email_domain_body import EmailDomainBody
from .email_domain_check import EmailDomainCheck
from .email_domains import EmailDomains
from .events_asked import EventsAsked
from .finding import Finding
from .finding_level import FindingLevel
from .health_health_response_health_health import HealthHealthResponseHealthHealth
from .invitation import Invitation
from .key import Key
from .key_labels import KeyLabels
from .listed_deletion import ListedDeletion
from .listed_tenant import ListedTenant
from .listed_tenant_labels_type_0 import ListedTenantLabelsType0
from .listed_tenant_limits_type_0 import ListedTenantLimitsType0
from .log_export_format import LogExportFormat
from .log_export_kind_type_0 import LogExportKindType0
from .log_export_of_tenant_format import LogExportOfTenantFormat
from .log_export_of_tenant_kind_type_0 import LogExportOfTenantKindType0
from .log_listed_kind_type_0 import LogListedKindType0
from .log_of_tenant_kind_type_0 import LogOfTenantKindType0
from .logged_line import LoggedLine
from .logged_line_kind import LoggedLineKind
from .logged_page import LoggedPage
from .made import Made
from .made_key import MadeKey
from .made_key_labels import MadeKeyLabels
from .move import Move
from .move_begun import MoveBegun
from .move_plan import MovePlan
from .moves_plan_to_type_0 import MovesPlanToType0
from .new_backup import NewBackup
from .new_clone import NewClone
from .new_clone_isolation_type_0 import NewCloneIsolationType0
from .new_invitation import NewInvitation
from .new_invitation_role import NewInvitationRole
from .new_key import NewKey
from .new_key_labels import NewKeyLabels
from .new_move import NewMove
from .new_move_to_type_0 import NewMoveToType0
from .new_passkey import NewPasskey
from .new_passkey_credential import NewPasskeyCredential
from .new_password import NewPassword
from .new_portal_link import NewPortalLink
from .new_portal_link_intent import NewPortalLinkIntent
from .new_restore import NewRestore
from .new_roll_out import NewRollOut
from .new_tenant_body import NewTenantBody
from .new_value import NewValue
from .new_webhook import NewWebhook
from .new_webhook_events_item import NewWebhookEventsItem
from .no_body import NoBody
from .offboard_body import OffboardBody
from .offboard_body_then_type_0 import OffboardBodyThenType0
from .open_page import OpenPage
from .open_page_intent import OpenPageIntent
from .options import Options
from .options_options import OptionsOptions
from .passkey_body import PasskeyBody
from .planned_change import PlannedChange
from .planned_change_labels import PlannedChangeLabels
from .planned_change_where import PlannedChangeWhere
from .portal_link import PortalLink
from .portal_link_intent import PortalLinkIntent
from .problem import Problem
from .proposal import Proposal
from .proposal_page import ProposalPage
from .restore import Restore
from .revision_status import RevisionStatus
from .revocation import Revocation
from .roll_out_asked import RollOutAsked
from .roll_out_plan import RollOutPlan
from .rotation import Rotation
from .rotation_asked import RotationAsked
from .rotation_body import RotationBody
from .rotation_refused import RotationRefused
from .rotations_asked import RotationsAsked
from .rotations_body import RotationsBody
from .run import Run
from .run_page import RunPage
from .runs_export_format import RunsExportFormat
from .runs_export_state_type_0 import RunsExportStateType0
from .runs_listed_state_type_0 import RunsListedStateType0
from .sent import Sent
from .sent_data import SentData
from .session_body import SessionBody
from .session_body_role import SessionBodyRole
from .session_body_way import SessionBodyWay
from .sign_up_answer import SignUpAnswer
from .signing_up import SigningUp
from .step import Step
from .table_set_entry import TableSetEntry
from .tenant import Tenant
from .tenant_change import TenantChange
from .tenant_labels import TenantLabels
from .tenant_limits import TenantLimits
from .tenant_logged_line import TenantLoggedLine
from .tenant_logged_line_kind import TenantLoggedLineKind
from .tenant_logged_page import TenantLoggedPage
from .tenant_page import TenantPage
from .tenant_place import TenantPlace
from .tenant_revision import TenantRevision
from .tenant_rotation import TenantRotation
from .tenants_edit_body import TenantsEditBody
from .tenants_listed_isolation_type_0 import TenantsListedIsolationType0
from .tenants_listed_sort import TenantsListedSort
from .tenants_listed_state_type_0 import TenantsListedStateType0
from .undelete_body import UndeleteBody
from .undelete_body_to_type_0 import UndeleteBodyToType0
from .undoing import Undoing
from .undone_value import UndoneValue
from .usage import Usage
from .usage_limits import UsageLimits
from .user_entry import UserEntry
from .user_entry_role import UserEntryRole
from .user_role import UserRole
from .user_role_role import UserRoleRole
from .value import Value
from .webhook import Webhook
from .webhook_edit import WebhookEdit
from .webhook_edit_events_type_0_item import WebhookEditEventsType0Item
from .webhooks_deliveries_state_type_0 import WebhooksDeliveriesStateType0

__all__ = (
    "Acceptance",
    "AcceptanceProfile",
    "Accepted",
    "AcceptedRole",
    "AcceptedSettings",
    "Again",
    "Answer",
    "AnswerCredential",
    "Asked",
    "Backup",
    "Beside",
    "BulkChange",
    "BulkChangeLabels",
    "BulkChangeWhere",
    "BulkPreview",
    "BulkPreviewCells",
    "ByInvitation",
    "ByLink",
    "ByPassword",
    "Change",
    "Checked",
    "Clone",
    "Code",
    "ConfigurationChange",
    "ConfigurationUploadKey",
    "Declaration",
    "Deletion",
    "DeletionOutcome",
    "DeletionRecord",
    "DeletionRecordRecord",
    "EmailDomainBody",
    "EmailDomainCheck",
    "EmailDomains",
    "EventsAsked",
    "Finding",
    "FindingLevel",
    "HealthHealthResponseHealthHealth",
    "Invitation",
    "Key",
    "KeyLabels",
    "ListedDeletion",
    "ListedTenant",
    "ListedTenantLabelsType0",
    "ListedTenantLimitsType0",
    "LogExportFormat",
    "LogExportKindType0",
    "LogExportOfTenantFormat",
    "LogExportOfTenantKindType0",
    "LogListedKindType0",
    "LogOfTenantKindType0",
    "LoggedLine",
    "LoggedLineKind",
    "LoggedPage",
    "Made",
    "MadeKey",
    "MadeKeyLabels",
    "Move",
    "MoveBegun",
    "MovePlan",
    "MovesPlanToType0",
    "NewBackup",
    "NewClone",
    "NewCloneIsolationType0",
    "NewInvitation",
    "NewInvitationRole",
    "NewKey",
    "NewKeyLabels",
    "NewMove",
    "NewMoveToType0",
    "NewPasskey",
    "NewPasskeyCredential",
    "NewPassword",
    "NewPortalLink",
    "NewPortalLinkIntent",
    "NewRestore",
    "NewRollOut",
    "NewTenantBody",
    "NewValue",
    "NewWebhook",
    "NewWebhookEventsItem",
    "NoBody",
    "OffboardBody",
    "OffboardBodyThenType0",
    "OpenPage",
    "OpenPageIntent",
    "Options",
    "OptionsOptions",
    "PasskeyBody",
    "PlannedChange",
    "PlannedChangeLabels",
    "PlannedChangeWhere",
    "PortalLink",
    "PortalLinkIntent",
    "Problem",
    "Proposal",
    "ProposalPage",
    "Restore",
    "RevisionStatus",
    "Revocation",
    "RollOutAsked",
    "RollOutPlan",
    "Rotation",
    "RotationAsked",
    "RotationBody",
    "RotationRefused",
    "RotationsAsked",
    "RotationsBody",
    "Run",
    "RunPage",
    "RunsExportFormat",
    "RunsExportStateType0",
    "RunsListedStateType0",
    "Sent",
    "SentData",
    "SessionBody",
    "SessionBodyRole",
    "SessionBodyWay",
    "SignUpAnswer",
    "SigningUp",
    "Step",
    "TableSetEntry",
    "Tenant",
    "TenantChange",
    "TenantLabels",
    "TenantLimits",
    "TenantLoggedLine",
    "TenantLoggedLineKind",
    "TenantLoggedPage",
    "TenantPage",
    "TenantPlace",
    "TenantRevision",
    "TenantRotation",
    "TenantsEditBody",
    "TenantsListedIsolationType0",
    "TenantsListedSort",
    "TenantsListedStateType0",
    "UndeleteBody",
    "UndeleteBodyToType0",
    "Undoing",
    "UndoneValue",
    "Usage",
    "UsageLimits",
    "UserEntry",
    "UserEntryRole",
    "UserRole",
    "UserRoleRole",
    "Value",
    "Webhook",
    "WebhookEdit",
    "WebhookEditEventsType0Item",
    "WebhooksDeliveriesStateType0",
)
