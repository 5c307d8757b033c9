(comment) @comment

(namespace_definition name: (namespace_name) @name body: (_) @body) @definition.module
(class_declaration name: (name) @name body: (_) @body) @definition.class
(interface_declaration name: (name) @name body: (_) @body) @definition.class
(trait_declaration name: (name) @name body: (_) @body) @definition.class
(enum_declaration name: (name) @name body: (_) @body) @definition.type
(function_definition name: (name) @name body: (_) @body) @definition.function
(method_declaration name: (name) @name) @definition.method
(method_declaration name: (name) @name body: (_) @body) @definition.method
((method_declaration name: (name) @name body: (_) @body) @definition.test
  (#match? @name "^test[A-Z_]"))
(program (const_declaration (const_element (name) @name)) @definition.constant)
