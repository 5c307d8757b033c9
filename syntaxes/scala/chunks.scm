[(comment) (block_comment)] @comment

(class_definition name: (_) @name) @definition.type
(class_definition name: (_) @name body: (_) @body) @definition.class
(trait_definition name: (_) @name) @definition.class
(trait_definition name: (_) @name body: (_) @body) @definition.class
(object_definition name: (_) @name) @definition.class
(object_definition name: (_) @name body: (_) @body) @definition.class
(package_object name: (_) @name body: (_) @body) @definition.class
(enum_definition name: (_) @name body: (_) @body) @definition.type
(type_definition name: (_) @name) @definition.type

(function_declaration name: (_) @name) @definition.function
(function_definition name: (_) @name body: (_) @body) @definition.function
(extension_definition body: (_) @body) @definition.class
(given_definition return_type: (_) @name.text body: (_) @body) @definition.class
(given_definition name: (_) @name body: (_) @body) @definition.class
; a value that is an instance with members
(val_definition
  pattern: (identifier) @name
  value: (instance_expression (template_body) @body)) @definition.class
(compilation_unit (val_definition pattern: (identifier) @name value: (_) @body) @definition.constant)

(call_expression
  function: (call_expression
    function: (identifier) @_call
    arguments: (arguments . (_) @name.text))
  arguments: (block) @body
  (#any-of? @_call "test" "property" "describe" "it")) @definition.test
